"""Load, save and run a pretrained model with a classification head for labels."""

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

from tabwidget._typing import Floats
from tabwidget.backends.devices import device_of, dtype_of
from tabwidget.backends.fair_lock import FairLock
from tabwidget.backends.hub import from_pretrained, loading_errors
from tabwidget.backends.huggingface.loading import (
    DEFAULT_MODEL,
    Placement,
    peft_model,
    quantization_methods,
    quiet,
)
from tabwidget.config import LoRAConfig, QuantizationConfig
from tabwidget.errors import ConfigError, MissingExtraError, require
from tabwidget.textclass.config import ModelSection
from tabwidget.textclass.data import Labels

__all__ = ["BATCHES", "DEFAULT_MODEL", "LabelModel", "load", "quiet", "restore"]

DTYPES = {"auto": "auto", "float32": "fp32", "bfloat16": "bf16", "float16": "fp16"}
ADAPTER_FILE = "adapter_model.safetensors"
BATCHES = 8  # batches whose texts are sorted by length together


@dataclass
class LabelModel:
    """A sequence classifier: p(label | text).

    Shapes: B texts, T tokens of the longest text, L labels.

    Attributes
    ----------
    model : transformers.PreTrainedModel or peft.PeftModel
        The model on its device.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer, with a padding token.
    labels : Labels
        The labels, in the order of the model's outputs.
    max_length : int
        Texts are truncated to this many tokens.
    device : torch.device
        Its device.
    dtype : torch.dtype
        What it computes in; weights that are trained are kept in fp32.
    lock : FairLock
        Held while the model is used, so that texts can be labeled during training.
    """

    model: Any
    tokenizer: Any
    labels: Labels
    max_length: int
    device: torch.device
    dtype: torch.dtype
    lock: FairLock = field(default_factory=FairLock)

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """Return token ids, truncated to `max_length`; names of special tokens are text."""
        if not texts:
            return []
        ids = self.tokenizer(
            list(texts), truncation=True, max_length=self.max_length, split_special_tokens=True
        )["input_ids"]
        # The prediction is read at a token, so an empty text needs one too.
        return [list(row) or [self.tokenizer.pad_token_id] for row in ids]

    def collate(self, rows: Sequence[Sequence[int]]) -> dict[str, Tensor]:
        """Return rows of token ids as a batch of shape (B, T), padded on the right."""
        width = max(len(row) for row in rows)
        ids = torch.full((len(rows), width), self.tokenizer.pad_token_id)
        mask = torch.zeros_like(ids)
        for i, row in enumerate(rows):
            ids[i, : len(row)] = torch.tensor(row)
            mask[i, : len(row)] = 1
        return {"input_ids": ids, "attention_mask": mask}

    def probabilities(self, texts: Sequence[str], batch_size: int) -> Floats:
        """Return the probability of each label, shape (n_texts, L).

        Rows of a single-label task sum to 1; in a multi-label task each label has a probability
        of its own.
        """
        found = np.zeros((len(texts), len(self.labels.names)))
        block = batch_size * BATCHES
        with self._evaluating():
            for begin in range(0, len(texts), block):
                ids = self.encode(texts[begin : begin + block])
                # Batches of similar lengths need less padding.
                order = sorted(range(len(ids)), key=[len(row) for row in ids].__getitem__)
                for start in range(0, len(order), batch_size):
                    batch = order[start : start + batch_size]
                    logits = self._logits(self.collate([ids[i] for i in batch]))
                    found[[begin + i for i in batch]] = self.to_probabilities(logits.cpu().numpy())
        return found

    @contextlib.contextmanager
    def _evaluating(self) -> Iterator[None]:
        """Hold the lock, without dropout; the training mode is restored afterwards."""
        with self.lock.hold():
            training = self.model.training
            self.model.eval()
            try:
                yield
            finally:
                self.model.train(training)

    def to_probabilities(self, logits: NDArray[Any]) -> Floats:
        """Return the sigmoid (multi-label) or softmax (single-label) of logits."""
        given = torch.from_numpy(np.asarray(logits, dtype=np.float64))
        found = given.sigmoid() if self.labels.multi else given.softmax(-1)
        return np.asarray(found)

    def save(self, folder: Path) -> None:
        """Write the tokenizer and the trained weights: adapters and head, or all of them."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            options = {"save_embedding_layers": False} if self.adapted else {}
            self.model.save_pretrained(folder, **options)
        self.tokenizer.save_pretrained(folder)
        (folder / "README.md").unlink(missing_ok=True)  # peft's template of a model card

    @property
    def adapted(self) -> bool:
        """Whether adapters are trained instead of all weights."""
        return hasattr(self.model, "peft_config")

    @torch.inference_mode()
    def _logits(self, batch: dict[str, Tensor]) -> Tensor:
        inputs = {name: tensor.to(self.device) for name, tensor in batch.items()}
        mixed = self.dtype != torch.float32
        with torch.autocast(self.device.type, self.dtype, enabled=mixed):
            logits: Tensor = self.model(**inputs).logits
        return logits.float()


def load(config: ModelSection, labels: Labels, *, max_length: int, seed: int) -> LabelModel:
    """Load a pretrained model with a new head, and with new adapters if the config asks for them.

    Parameters
    ----------
    config : ModelSection
        The model, and how it is tuned.
    labels : Labels
        The outputs of the head.
    max_length : int
        Texts are truncated to this many tokens, or to the model's limit if that is lower.
    seed : int
        Seed of the new weights.

    Raises
    ------
    ConfigError
        If there is no such model, or this machine does not support the settings.
    MissingExtraError
        If a package is not installed.
    """
    loaded, head = _load_base(
        config, config.model_name, config.model_name, labels, max_length, seed
    )
    if config.lora is not None:
        loaded.model = _add_adapters(loaded.model, config.lora, head, seed)
    return loaded


def restore(folder: Path, config: ModelSection, labels: Labels, *, max_length: int) -> LabelModel:
    """Load what `LabelModel.save` wrote; the base model of adapters is loaded by its name.

    Parameters
    ----------
    folder : Path
        The folder that was saved to.
    config, labels, max_length
        As given to `load`.
    """
    adapter = (folder / ADAPTER_FILE).is_file()
    source = config.model_name if adapter else str(folder)
    loaded, _ = _load_base(config, source, str(folder), labels, max_length, seed=0)
    if adapter:
        peft = require("peft", "hf")
        with quiet(), loading_errors(str(folder)):
            loaded.model = peft.PeftModel.from_pretrained(
                loaded.model, str(folder), is_trainable=True
            )
    loaded.model.eval()
    return loaded


def _load_base(
    config: ModelSection,
    source: str,
    tokenizer_source: str,
    labels: Labels,
    max_length: int,
    seed: int,
) -> tuple[LabelModel, list[str]]:
    """Return a model without adapters, and the names of the modules of its head."""
    transformers = require("transformers", "hf")
    device = device_of(config.device)
    dtype = dtype_of(DTYPES[config.torch_dtype], device)
    if dtype == torch.float16 and device.type == "cpu":
        raise ConfigError(
            "model.torch_dtype: 'float16' cannot be trained on a CPU; give 'float32' or 'bfloat16'"
        )
    placement = _placement(config.quantization, device, dtype)
    code = {"trust_remote_code": config.trust_remote_code}
    names = dict(enumerate(labels.names))
    with _hub_token(config.hf_token), quiet(), torch.random.fork_rng():
        torch.manual_seed(seed)  # of the new head
        tokenizer = from_pretrained(transformers.AutoTokenizer, tokenizer_source, **code)
        model, info = from_pretrained(
            transformers.AutoModelForSequenceClassification,
            source,
            num_labels=len(names),
            id2label=names,
            label2id={name: i for i, name in names.items()},
            problem_type=labels.problem_type,
            ignore_mismatched_sizes=True,  # a saved head for other labels is replaced
            output_loading_info=True,
            **code,
            **placement.options(full=not config.lora_r),
        )
    head = _head(model, info["missing_keys"])
    for name in head:
        model.get_submodule(name).float()
    model = placement.place(model, [model.get_submodule(name) for name in head])
    _set_padding(model, tokenizer, source)
    length = min(max_length, tokenizer.model_max_length, _max_positions(model))
    return LabelModel(model, tokenizer, labels, length, device, dtype), head


def _head(model: Any, missing: Sequence[str]) -> list[str]:
    """Return the modules of the head: those outside the base model, and those newly initialized.

    The pooling layer of an encoder lies inside the base, and pretrained weights may lack it.
    """
    outside = [
        name
        for name, module in model.named_children()
        if name != model.base_model_prefix and any(True for _ in module.parameters())
    ]
    new = sorted({key.rpartition(".")[0] for key in missing})
    inside = [name for name in new if name.partition(".")[0] == model.base_model_prefix]
    return [*outside, *inside]


def _add_adapters(model: Any, config: LoRAConfig, head: list[str], seed: int) -> Any:
    """Add new adapters to a model; only they and the head are trained."""
    asked = config.target_modules
    if asked is None or asked == "all-linear":
        # peft's "all-linear" leaves out HQQ's layers.
        targets: str | list[str] = _linear_names(model, head)
    else:
        targets = asked if isinstance(asked, str) else list(asked)
    try:
        return peft_model(
            model,
            seed,
            task_type="SEQ_CLS",
            r=config.rank,
            lora_alpha=config.alpha,
            lora_dropout=config.dropout,
            target_modules=targets,
            exclude_modules=head,
            modules_to_save=head,
        )
    except ValueError as error:
        raise ConfigError(
            f"model.lora_target_modules: {asked!r} does not fit the model: its linear layers "
            f"are {', '.join(_linear_names(model, head))}"
        ) from error


def _linear_names(model: Any, head: Sequence[str]) -> list[str]:
    """Return the last name parts of the linear layers outside the head."""
    kinds = ("Conv1D", "HQQLinear", "Linear4bit", "Linear8bitLt")
    in_head = tuple(f"{name}." for name in head)
    return sorted(
        {
            name.rpartition(".")[2]
            for name, module in model.named_modules()
            if (isinstance(module, nn.Linear) or type(module).__name__ in kinds)
            and not f"{name}.".startswith(in_head)
        }
    )


def _placement(
    quantization: QuantizationConfig | None, device: torch.device, dtype: torch.dtype
) -> Placement:
    """Return the placement; weights are quantized by the first suitable library installed."""
    if quantization is None:
        return Placement(device, dtype)
    methods = quantization_methods(quantization.bits, device)
    for method in methods:
        with contextlib.suppress(MissingExtraError):
            require(method, "quant")
            return Placement(device, dtype, quantization, method)
    raise MissingExtraError(
        f"{quantization.bits}-bit weights need {' or '.join(map(repr, methods))}, which is not "
        "installed: pip install 'tabwidget[quant]', or turn quantization off in the config with "
        "model.use_4bit: false"
    )


def _set_padding(model: Any, tokenizer: Any, source: str) -> None:
    """Choose an existing token for padding; the vocabulary stays as it is."""
    text = model.config.get_text_config()
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id >= text.vocab_size:
        special = [tokenizer.eos_token, tokenizer.bos_token, tokenizer.unk_token]
        tokenizer.pad_token = next((token for token in special if token is not None), None)
    if tokenizer.pad_token_id is None:
        raise ConfigError(
            f"the tokenizer of the model {source!r} has no special token to pad with: set its "
            "pad_token and save it, or give another model.model_name"
        )
    # A decoder's prediction is read at the last token that is not padding.
    text.pad_token_id = model.config.pad_token_id = tokenizer.pad_token_id
    tokenizer.padding_side = "right"
    text.use_cache = False  # the model generates nothing


def _max_positions(model: Any) -> int:
    text = model.config.get_text_config()
    return int(getattr(text, "max_position_embeddings", None) or 2**31)


@contextlib.contextmanager
def _hub_token(token: str | None) -> Iterator[None]:
    """Set the hub's access token in the environment, temporarily."""
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
