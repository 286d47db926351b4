"""Loading: a pretrained model with a head for labels, tuned by adapters or whole, and its files."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.hub import source_of, tried
from tabwidget.backends.huggingface.loading import DEFAULT_MODEL, bitsandbytes_config, to_hqq
from tabwidget.config import LoRAConfig
from tabwidget.errors import ConfigError, MissingExtraError, require
from tabwidget.textclass.config import ModelSection
from tabwidget.textclass.data import Labels

__all__ = ["BATCHES", "DEFAULT_MODEL", "LabelModel", "load", "quiet", "restore"]

DTYPES = {"auto": "auto", "float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
ADAPTER = "adapter_model.safetensors"
BATCHES = 8  # of texts that are sorted by length together


@dataclass
class LabelModel:
    """A model that gives texts probabilities of labels.

    Attributes
    ----------
    model : transformers.PreTrainedModel or peft.PeftModel
        On its device.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its own, with a token to pad with.
    labels : Labels
        What it tells of, in the order of its outputs.
    max_length : int
        Tokens it reads of a text, at most.
    device : torch.device
        Where it is.
    dtype : torch.dtype
        What it computes in; the weights that are trained are held in fp32.
    lock : FairLock
        Had by the thread that uses it: texts can be labeled while it is trained.
    """

    model: Any
    tokenizer: Any
    labels: Labels
    max_length: int
    device: torch.device
    dtype: torch.dtype
    lock: FairLock = field(default_factory=FairLock)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return the token ids of texts, cut at `max_length`; names of special tokens are text."""
        if not texts:
            return []
        ids = self.tokenizer(
            list(texts), truncation=True, max_length=self.max_length, split_special_tokens=True
        )["input_ids"]
        # There is always a token to read the answer from.
        return [list(row) or [self.tokenizer.pad_token_id] for row in ids]

    def collate(self, rows: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Return rows of token ids as one batch, padded at the right to the longest of them."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def probabilities(self, texts: Sequence[str], batch_size: int) -> NDArray[np.float64]:
        """Return the probability of each label, a row a text.

        Several labels in a text have a probability each; of labels that exclude each other they
        sum to 1.
        """
        found = np.zeros((len(texts), len(self.labels.names)))
        block = batch_size * BATCHES
        with self._asked():
            for begin in range(0, len(texts), block):
                ids = self.encode(texts[begin : begin + block])
                # Texts of like length together: less to pad.
                order = sorted(range(len(ids)), key=[len(row) for row in ids].__getitem__)
                for start in range(0, len(order), batch_size):
                    some = order[start : start + batch_size]
                    logits = self._logits(self.collate([ids[i] for i in some]))
                    found[[begin + i for i in some]] = self.to_probabilities(logits.cpu().numpy())
        return found

    @contextlib.contextmanager
    def _asked(self) -> Iterator[None]:
        """Have a turn without dropout; who trains finds the model as it was."""
        with self.lock.hold():
            training = self.model.training
            self.model.eval()
            try:
                yield
            finally:
                self.model.train(training)

    def to_probabilities(self, logits: NDArray[Any]) -> NDArray[np.float64]:
        """Return the probabilities that outputs of the model stand for."""
        given = torch.from_numpy(np.asarray(logits, dtype=np.float64))
        found = given.sigmoid() if self.labels.multi else given.softmax(-1)
        return np.asarray(found)

    def save(self, folder: Path) -> None:
        """Write adapter and head, or all weights if all were tuned, and the tokenizer."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            options = {"save_embedding_layers": False} if self.adapted else {}
            self.model.save_pretrained(folder, **options)
        self.tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's form for a page on the hub

    @property
    def adapted(self) -> bool:
        """Whether adapters are tuned, not all weights."""
        return hasattr(self.model, "peft_config")

    @torch.inference_mode()
    def _logits(self, batch: dict[str, Tensor]) -> Tensor:
        inputs = {name: tensor.to(self.device) for name, tensor in batch.items()}
        few = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=few):
            logits: Tensor = self.model(**inputs).logits
        return logits.float()


def load(config: ModelSection, labels: Labels, *, max_length: int, seed: int) -> LabelModel:
    """Return a pretrained model with a new head, and new adapters if the config asks for them.

    Parameters
    ----------
    config : ModelSection
        Which model, tuned how.
    labels : Labels
        What the head tells of.
    max_length : int
        Tokens to read of a text, at most; less if the model reads less.
    seed : int
        Of the head and of the adapters.

    Raises
    ------
    ConfigError
        If there is no such model, or this machine cannot hold it so. Says what to do.
    MissingExtraError
        If a package is not installed. Names the pip command.
    """
    loaded, head = _base(config, config.model_name, config.model_name, labels, max_length, seed)
    if config.lora is not None:
        loaded.model = _adapted(loaded.model, config.lora, head, seed)
    return loaded


def restore(folder: Path, config: ModelSection, labels: Labels, *, max_length: int) -> LabelModel:
    """Return the model that `LabelModel.save` wrote; the base of adapters is loaded by its name.

    Parameters
    ----------
    folder : Path
        Where it wrote.
    config, labels, max_length
        As given to `load`.
    """
    adapter = (folder / ADAPTER).is_file()
    source = config.model_name if adapter else str(folder)
    loaded, _ = _base(config, source, str(folder), labels, max_length, seed=0)
    if adapter:
        peft = require("peft", "hf")
        with quiet():
            loaded.model = tried(
                lambda: peft.PeftModel.from_pretrained(
                    loaded.model, str(folder), is_trainable=True
                ),
                str(folder),
            )
    loaded.model.eval()
    return loaded


def _base(
    config: ModelSection, source: str, cutter: str, labels: Labels, max_length: int, seed: int
) -> tuple[LabelModel, list[str]]:
    """Return a model without adapters, and the names of the modules that are its head.

    The tokenizer is that of `cutter`.
    """
    transformers = require("transformers", "hf")
    device = device_of(config.device)
    dtype = dtype_of(DTYPES[config.torch_dtype], device)
    if dtype == torch.float16 and device.type == "cpu":
        raise ConfigError(
            "model.torch_dtype: 'float16' cannot be trained on a CPU; give 'float32' or 'bfloat16'"
        )
    quantization = config.quantization
    method = None if quantization is None else _method(quantization.bits, device)
    options: dict[str, Any] = {
        "trust_remote_code": config.trust_remote_code,
        # All weights are tuned in fp32, or small steps would be lost.
        "dtype": dtype if config.lora_r else torch.float32,
    }
    if quantization is not None and method == "bitsandbytes":
        options["quantization_config"] = bitsandbytes_config(quantization, dtype)
        options["device_map"] = {"": device}
    names = dict(enumerate(labels.names))
    options["id2label"], options["label2id"] = names, {name: i for i, name in names.items()}
    with _token(config.hf_token), quiet(), torch.random.fork_rng():
        torch.manual_seed(seed)  # of the new head
        place, cuts = source_of(source), source_of(cutter)
        tokenizer = tried(
            lambda: transformers.AutoTokenizer.from_pretrained(
                cuts.where, trust_remote_code=config.trust_remote_code, **cuts.options
            ),
            cutter,
        )
        model, told = tried(
            lambda: transformers.AutoModelForSequenceClassification.from_pretrained(
                place.where,
                num_labels=len(labels.names),
                problem_type=labels.problem_type,
                ignore_mismatched_sizes=True,  # a head for other labels
                output_loading_info=True,
                **options,
                **place.options,
            ),
            source,
        )
    head = _head(model, told["missing_keys"])
    for name in head:
        model.get_submodule(name).float()
    if method != "bitsandbytes":  # which put it there already
        model = model.to(device)
    if quantization is not None and method == "hqq":
        to_hqq(model, quantization, device, dtype, [model.get_submodule(name) for name in head])
    _pad(model, tokenizer, source)
    length = min(max_length, tokenizer.model_max_length, _positions(model))
    return LabelModel(model, tokenizer, labels, length, device, dtype), head


def _head(model: Any, missing: Sequence[str]) -> list[str]:
    """Return the modules that read the labels off: those around the base, and those that are new.

    A pretrained encoder may lack the layer that pools, which is inside the base.
    """
    around = [
        name
        for name, module in model.named_children()
        if name != model.base_model_prefix and any(True for _ in module.parameters())
    ]
    new = sorted({key.rpartition(".")[0] for key in missing})
    inside = [name for name in new if name.partition(".")[0] == model.base_model_prefix]
    return [*around, *inside]


def _adapted(model: Any, config: LoRAConfig, head: list[str], seed: int) -> Any:
    """Put fresh adapters into a model; only they and the head are trained."""
    peft = require("peft", "hf")
    asked = config.target_modules
    if asked is None or asked == "all-linear":
        # What peft counts as linear lacks HQQ's layers.
        targets: str | list[str] = _linear(model, head)
    else:
        targets = asked if isinstance(asked, str) else list(asked)
    with torch.random.fork_rng(), quiet():
        torch.manual_seed(seed)
        lora = peft.LoraConfig(
            task_type="SEQ_CLS",
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
            exclude_modules=head,
            modules_to_save=head,
        )
        try:
            return peft.get_peft_model(model, lora)
        except ValueError as error:
            raise ConfigError(
                f"model.lora_target_modules: {asked!r} does not fit the model: its linear layers "
                f"are {', '.join(_linear(model, head))}"
            ) from error


def _linear(model: Any, head: Sequence[str]) -> list[str]:
    """Return what the linear layers outside of the head are called, last names only."""
    kinds = ("Conv1D", "HQQLinear", "Linear4bit", "Linear8bitLt")
    around = tuple(f"{name}." for name in head)
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if (isinstance(module, nn.Linear) or type(module).__name__ in kinds)
            and not f"{name}.".startswith(around)
        }
    )


def _method(bits: int, device: torch.device) -> str:
    """Return the library that holds weights in few bits: the first that is installed."""
    methods = ["bitsandbytes"] if device.type == "cuda" and bits in (4, 8) else []
    for method in [*methods, "hqq"]:
        with contextlib.suppress(MissingExtraError):
            require(method, "quant")
            return method
    needed = " or ".join(repr(method) for method in [*methods, "hqq"])
    raise MissingExtraError(
        f"weights in {bits} bits need {needed}, which is not installed: pip install "
        "'tabwidget[quant]', or turn it off in the config with model.use_4bit: false"
    )


def _pad(model: Any, tokenizer: Any, source: str) -> None:
    """See that there is a token to pad with; none is added to the vocabulary."""
    text = model.config.get_text_config()
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= text.vocab_size:
        known = [tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token]
        tokenizer.pad_token = next((token for token in known if token is not None), None)
    if tokenizer.pad_token_id is None:
        raise ConfigError(
            f"the tokenizer of the model {source!r} has no token that ends a text, so none to pad "
            "with: set its pad_token and save it, or give another model.model_name"
        )
    # The model reads a decoder's answer off the last token that is not this one.
    text.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    text.use_cache = False  # nothing is written


def _positions(model: Any) -> int:
    text = model.config.get_text_config()
    return int(getattr(text, "max_position_embeddings", None) or 2**31)


@contextlib.contextmanager
def _token(token: str | None) -> Iterator[None]:
    """Let the hub see a token as if it were set in the environment."""
    before = os.environ.get("HF_TOKEN")
    if token is not None:
        os.environ["HF_TOKEN"] = token
    try:
        yield
    finally:
        if token is not None:
            os.environ.pop("HF_TOKEN")
            if before is not None:
                os.environ["HF_TOKEN"] = before


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep from the user that a head is new, which it is meant to be."""
    logging = require("transformers", "hf").utils.logging
    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            # peft asks transformers for what it has renamed.
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
