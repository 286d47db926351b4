"""The YAML config of a text classification: its sections data, model, train and exp."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from tabwidget.config import (
    LoRAConfig,
    NonNegative,
    Positive,
    PositiveInt,
    QuantizationConfig,
    Share,
)
from tabwidget.errors import ConfigError, DataFileError, nearest, require

__all__ = ["DataSection", "ExpSection", "ModelSection", "TextClassConfig", "TrainSection"]


def _as_list(value: object) -> object:
    """Return a string as a list of one; anything else unchanged."""
    return (value,) if isinstance(value, str) else value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    repeated = sorted({value for value in values if values.count(value) > 1})
    if repeated:
        raise ValueError(f"it should hold {repeated[0]!r} only once")
    return values


def _folder_name(name: str) -> str:
    if name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
        raise ValueError("it should be the name of a folder, without a slash")
    return name


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("it should be an encoding, such as utf-8, utf-16 or cp1252") from None
    return name


_Names = Annotated[
    tuple[str, ...], BeforeValidator(_as_list), AfterValidator(_distinct), Field(min_length=1)
]
_FolderName = Annotated[str, AfterValidator(_folder_name)]
_Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False
    )


class DataSection(_Section):
    """The CSV files and their columns.

    Parameters
    ----------
    dataset_name : str
        Name of the folder of the runs.
    id_column : str or None, default None
        Column with the ids of the rows; None numbers them from 0.
    text_fields : list of str or None, default None
        Columns joined to one text, in this order; empty cells are skipped. None is the one
        column `target_text_column`.
    target_text_column : str, default "text"
        The text column if `text_fields` is None; else the name of the joined text.
    text_separator : str, default newline
        Separator of the joined columns.
    max_length : int, default 1024
        Maximum tokens per text; the rest is truncated.
    train_csv, val_csv, test_csv : path
        Relative to the working folder. Without `val_csv`, a stratified share of the training rows
        is used for validation; without `test_csv`, there are no test metrics.
    val_fraction : float, default 0.1
        Share of the validation rows without `val_csv`.
    label_columns : list of str or None, default None
        Several columns of 0 and 1, one per label; or one column that holds the label itself. None
        is allowed for predictions only.
    label_delimiter : str or None, default None
        Separator of the labels if one column holds several.
    encoding : str, default "utf-8"
        Encoding of the CSV files.
    """

    dataset_name: _FolderName
    id_column: str | None = None
    text_fields: _Names | None = None
    target_text_column: str = "text"
    text_separator: str = "\n"
    max_length: PositiveInt = 1024
    train_csv: Path
    val_csv: Path | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    test_csv: Path | None = None
    label_columns: _Names | None = None
    label_delimiter: Annotated[str, Field(min_length=1)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns joined to the text."""
        return self.text_fields or (self.target_text_column,)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        columns = self.label_columns or ()
        if self.label_delimiter is not None and len(columns) > 1:
            raise ValueError(
                f"label_delimiter is {self.label_delimiter!r}, but there are {len(columns)} label "
                "columns: leave it out, or name one column"
            )
        leaking = [column for column in columns if column in self.text_columns]
        if leaking:
            raise ValueError(
                f"label_columns holds {leaking[0]!r}, which is a text column too: the text would "
                "contain the label"
            )
        return self


class ModelSection(_Section):
    """The model, its LoRA adapters and its quantization.

    Parameters
    ----------
    model_name : str
        A decoder or an encoder: a name on the Hugging Face hub, a folder, or a GGUF file.
    hf_token : str or None, default None
        Token for gated models; None is the variable HF_TOKEN. It is not saved with a run.
    problem_type : str, default "auto"
        "single_label_classification": each row has one label. "multi_label_classification": it
        may have several or none. "auto" infers it from the training rows.
    use_4bit : bool, default False
        The same as ``bits: 4``.
    bits : {2, 3, 4, 8} or None, default None
        Quantize the pretrained weights: by bitsandbytes on CUDA (4 and 8), else by HQQ.
    torch_dtype : {"auto", "float32", "bfloat16", "float16"}, default "auto"
        Precision of the computation; "auto" is what is fast on the device.
    lora_r : int or None, default 8
        Rank of the adapters; 0 or None trains all weights.
    lora_alpha : float, default 16
        The output of an adapter is scaled by ``lora_alpha / lora_r``.
    lora_dropout : float, default 0.05
        Dropout on the input of the adapters, in [0, 1).
    lora_target_modules : str, list of str or None, default None
        Layers with an adapter; None is all linear layers.
    trust_remote_code : bool, default False
        Run code that comes with a model.
    device : str, default "auto"
        Device of torch: "cpu", "cuda", "mps".
    """

    model_name: Annotated[str, Field(min_length=1)]
    hf_token: Annotated[str | None, Field(repr=False)] = None
    problem_type: Literal["auto", "single_label_classification", "multi_label_classification"] = (
        "auto"
    )
    use_4bit: bool = False
    bits: Literal[2, 3, 4, 8] | None = None
    torch_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    lora_r: Annotated[int, Field(ge=0)] | None = 8
    lora_alpha: Positive = 16
    lora_dropout: Share = 0.05
    lora_target_modules: str | tuple[str, ...] | None = None
    trust_remote_code: bool = False
    device: str = "auto"

    @property
    def n_bits(self) -> int | None:
        """Bits of a quantized weight; None without quantization."""
        return 4 if self.use_4bit else self.bits

    @property
    def quantization(self) -> QuantizationConfig | None:
        """The quantization; None without."""
        return None if self.n_bits is None else QuantizationConfig(bits=self.n_bits)

    @property
    def lora(self) -> LoRAConfig | None:
        """The adapters; None to train all weights."""
        if not self.lora_r:
            return None
        return LoRAConfig(
            rank=self.lora_r,
            alpha=self.lora_alpha,
            dropout=self.lora_dropout,
            target_modules=self.lora_target_modules,
        )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.use_4bit and self.bits not in (None, 4):
            raise ValueError(f"bits is {self.bits}, but use_4bit is true: remove one of them")
        if self.n_bits and not self.lora_r:
            raise ValueError(
                f"lora_r is {self.lora_r}, but weights of {self.n_bits} bits cannot be trained: "
                "give a rank, as lora_r: 8, or set use_4bit: false and bits: null"
            )
        return self


class TrainSection(_Section):
    """Training, early stopping and the choice of the best checkpoint.

    Parameters
    ----------
    batch_size : int, default 4
        Texts per forward pass.
    eval_batch_size : int, default 8
        Texts per forward pass in evaluation.
    num_train_epochs : float, default 20
        Maximum passes over the training rows.
    max_steps : int or None, default None
        Maximum optimizer steps.
    max_seconds : float or None, default None
        Maximum training time of a run.
    learning_rate : float, default 2e-4
        Peak learning rate; it decays linearly to 0.
    weight_decay : float, default 0.01
        Weight decay of AdamW.
    warmup_ratio : float, default 0
        Share of the steps used for linear warmup.
    gradient_accumulation_steps : int, default 8
        Forward passes per optimizer step.
    eval_seconds : float or None, default None
        Also evaluate within an epoch, once so many seconds have passed since the last evaluation.
    early_stopping_patience : int or None, default 2
        Stop after so many evaluations without improvement; None never stops early.
    metric_for_best_model : {"f1_micro", "f1_macro", "accuracy", "loss"}, default "f1_micro"
        Validation metric that chooses the best checkpoint and the best run, after threshold
        tuning; ties go to the lower loss.
    save_total_limit : int, default 1
        Checkpoints kept in training.
    optim_8bit_when_4bit : bool, default True
        8-bit AdamW if bitsandbytes quantizes the weights.
    class_weights : {"none", "balanced"}, default "none"
        "balanced" gives rare labels a larger weight in the loss.
    tune_thresholds : bool, default True
        Tune each label's threshold on validation rows if rows may have several labels; else 0.5.
    report_to : list of str, default ["tensorboard"]
        Loggers of transformers.
    """

    batch_size: PositiveInt = 4
    eval_batch_size: PositiveInt = 8
    num_train_epochs: Positive = 20
    max_steps: PositiveInt | None = None
    max_seconds: Positive | None = None
    learning_rate: Positive = 2e-4
    weight_decay: NonNegative = 0.01
    warmup_ratio: Share = 0.0
    gradient_accumulation_steps: PositiveInt = 8
    eval_seconds: Positive | None = None
    early_stopping_patience: PositiveInt | None = 2
    metric_for_best_model: Literal["f1_micro", "f1_macro", "accuracy", "loss"] = "f1_micro"
    save_total_limit: PositiveInt = 1
    optim_8bit_when_4bit: bool = True
    class_weights: Literal["none", "balanced"] = "none"
    tune_thresholds: bool = True
    report_to: Annotated[
        tuple[str, ...], BeforeValidator(lambda value: () if value is None else _as_list(value))
    ] = ("tensorboard",)

    @property
    def average(self) -> Literal["micro", "macro"]:
        """The average of the F1 score that the thresholds maximize."""
        return "macro" if self.metric_for_best_model == "f1_macro" else "micro"


class ExpSection(_Section):
    """The runs: their folder and their seeds.

    Parameters
    ----------
    output_root : path, default "outputs"
        Holds one folder per model, in it one per dataset, in it the runs.
    seeds : list of int, default [1]
        One run per seed.
    run_name : str or None, default None
        Name of the run folders, before their number; None is "run".
    """

    output_root: Path = Path("outputs")
    seeds: Annotated[tuple[_Seed, ...], AfterValidator(_distinct), Field(min_length=1)] = (1,)
    run_name: _FolderName | None = None


class TextClassConfig(_Section):
    """A text classification: its data, model, training and runs.

    Parameters
    ----------
    data : DataSection
        The CSV files and their columns.
    model : ModelSection
        The model.
    train : TrainSection
        Its training.
    exp : ExpSection
        The runs.

    Examples
    --------
    >>> config = TextClassConfig.of(
    ...     {
    ...         "data": {"dataset_name": "mail", "train_csv": "mail.csv", "label_columns": "kind"},
    ...         "model": {"model_name": "HuggingFaceTB/SmolLM2-135M"},
    ...         "train": {"learning_rate": 0.001},
    ...     }
    ... )
    >>> config.data.label_columns, config.train.learning_rate, config.exp.seeds
    (('kind',), 0.001, (1,))
    """

    data: DataSection
    model: ModelSection
    train: TrainSection = TrainSection()
    exp: ExpSection = ExpSection()

    @classmethod
    def of(cls, values: Mapping[str, Any], where: str = "config") -> Self:
        """Return a config from nested mappings.

        Parameters
        ----------
        values : mapping
            The sections, each a mapping; None is a section's defaults.
        where : str, default "config"
            Name of the config in errors.

        Raises
        ------
        ConfigError
            One line per error: the key, its value and the fix.

        Examples
        --------
        >>> data = {"dataset_name": "mail", "train_csv": "mail.csv"}
        >>> model = {"model_name": "gpt2", "lora_rank": 4}
        >>> TextClassConfig.of({"data": data, "model": model, "train": {"batch_size": 0}})
        Traceback (most recent call last):
        tabwidget.errors.ConfigError:
        config: model.lora_rank is not a key. Did you mean 'lora_r'?
        config: train.batch_size is 0: it should be greater than or equal to 1
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: give the sections {', '.join(cls.model_fields)}")
        sections = {key: {} if value is None else value for key, value in values.items()}
        try:
            return cls.model_validate(sections)
        except ValidationError as error:
            lines = dict.fromkeys(_line(each["loc"], dict(each)) for each in error.errors())
            raise ConfigError("\n".join(f"{where}: {line}" for line in lines)) from None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a YAML file.

        Raises
        ------
        DataFileError
            If the file cannot be read.
        ConfigError
            If it is not YAML, or not a valid config, as in `of`.
        """
        yaml = require("yaml", "textclass")
        path = Path(os.path.expanduser(path))
        try:
            text = path.read_text(encoding="utf-8-sig")
            _check_once(yaml.compose(text, Loader=yaml.SafeLoader), str(path))
            values = yaml.safe_load(text)
        except OSError as error:
            beside = os.listdir(path.parent) if os.path.isdir(path.parent) else []
            raise DataFileError(
                f"the config {str(path)!r} cannot be read: {error.strerror}."
                f"{nearest(path.name, beside)}"
            ) from error
        except UnicodeDecodeError:
            raise ConfigError(f"{path} is not UTF-8: save it as UTF-8") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or getattr(error, "reason", error)
            raise ConfigError(f"{path}{line} is not YAML: {problem}") from None
        return cls.of(values, str(path))

    def write(self, path: str | Path) -> None:
        """Write all keys but the token as YAML, which `read` reads back."""
        yaml = require("yaml", "textclass")
        values = self.model_dump(mode="json")
        values["model"]["hf_token"] = None
        text = yaml.safe_dump(values, sort_keys=False)
        Path(os.path.expanduser(path)).write_text(text, encoding="utf-8", newline="\n")


_SECTIONS: dict[str, type[_Section]] = {
    "data": DataSection,
    "model": ModelSection,
    "train": TrainSection,
    "exp": ExpSection,
}


def _line(place: tuple[int | str, ...], error: Mapping[str, Any]) -> str:
    """Return one line for one of pydantic's errors."""
    # After the key comes the index in a list, or the type that was tried.
    key = ".".join(map(str, place[:2]))
    key += "".join(f"[{part}]" for part in place[2:3] if isinstance(part, int))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"{key} is not a key.{_right_key(place)}"
    if error["type"] == "missing":
        return f"{key} is missing: add it"
    if len(place) == 1:
        if error["type"] == "value_error":
            return f"{key}.{message}"
        return f"{key} is {reprlib.repr(error['input'])}: it should be a section, with keys"
    message = message.replace("Input should", "it should").replace("valid tuple", "list")
    if error["type"] == "string_type" and isinstance(error["input"], (bool, int, float)):
        message += "; write it in quotes"
    value = "…" if "hf_token" in place else reprlib.repr(error["input"])
    return f"{key} is {value}: {message}"


def _right_key(place: tuple[int | str, ...]) -> str:
    """Return a hint where an unknown key belongs."""
    *section, key = place
    known: Iterable[str] = _SECTIONS[str(section[0])].model_fields if section else _SECTIONS
    homes = [name for name, kind in _SECTIONS.items() if key in kind.model_fields]
    return f" Write it under {homes[0]!r}." if homes else nearest(key, known)


def _check_once(root: Any, where: str) -> None:
    """Raise `ConfigError` for a repeated section or key, of which YAML would keep the last."""
    sections = [root, *(value for _, value in root.value)] if _is_mapping(root) else []
    for section in filter(_is_mapping, sections):
        seen: set[str] = set()
        for key, _ in section.value:
            # A YAML key need not be a string.
            if str(key.value) in seen:
                raise ConfigError(
                    f"{where}, line {key.start_mark.line + 1} has the key {key.value!r} again: "
                    "remove one of them"
                )
            seen.add(str(key.value))


def _is_mapping(node: Any) -> bool:
    return getattr(node, "id", None) == "mapping"
