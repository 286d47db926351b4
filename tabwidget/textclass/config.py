"""The YAML config of a text classification: sections data, model, train and exp, all checked."""

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

from tabwidget.errors import ConfigError, DataFileError, nearest, require

__all__ = ["DataSection", "ExpSection", "ModelSection", "TextClassConfig", "TrainSection"]


def _listed(value: object) -> object:
    """Return a list of one for a text; anything else as it is."""
    return (value,) if isinstance(value, str) else value


def _distinct(values: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({value for value in values if values.count(value) > 1})
    if twice:
        raise ValueError(f"it should hold {twice[0]!r} only once")
    return values


def _folder_name(name: str) -> str:
    if name in ("", ".", "..") or set(name) & {"/", "\\", "\0"}:
        raise ValueError("it should be the name of a folder, with no slash")
    return name


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except LookupError:
        raise ValueError("it should be an encoding, as utf-8, utf-16 or cp1252") from None
    return name


_Names = Annotated[
    tuple[str, ...], BeforeValidator(_listed), AfterValidator(_distinct), Field(min_length=1)
]
_FolderName = Annotated[str, AfterValidator(_folder_name)]
_Share = Annotated[float, Field(ge=0, lt=1)]
_Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
_NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_Count = Annotated[int, Field(ge=1)]
_Seed = Annotated[int, Field(ge=0, lt=2**32)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class DataSection(_Section):
    """Where the texts and labels stand.

    Parameters
    ----------
    dataset_name : str
        Names the folder of the runs.
    id_column : str or None, default None
        Names each row; None numbers them from 0.
    text_fields : list of str or None, default None
        Columns joined to one text, in this order; empty cells are left out. None takes the one
        column `target_text_column`.
    target_text_column : str, default "text"
        The text column if `text_fields` is None; else what the joined text is called.
    text_separator : str, default newline
        Stands between the joined columns.
    max_length : int, default 1024
        Tokens that are read of a text; the rest is cut off.
    train_csv, val_csv, test_csv : path
        Relative to the working folder. Without `val_csv`, a stratified part of the training rows
        is held out; without `test_csv` there are no test figures.
    val_fraction : float, default 0.1
        How much is held out if there is no `val_csv`.
    label_columns : list of str or None, default None
        Several columns of 0 and 1, one a label; or one column that holds the label itself. None
        will do only for predictions.
    label_delimiter : str or None, default None
        Stands between labels if one column holds several.
    encoding : str, default "utf-8"
        Of the CSV files.
    """

    dataset_name: _FolderName
    id_column: str | None = None
    text_fields: _Names | None = None
    target_text_column: str = "text"
    text_separator: str = "\n"
    max_length: _Count = 1024
    train_csv: Path
    val_csv: Path | None = None
    val_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.1
    test_csv: Path | None = None
    label_columns: _Names | None = None
    label_delimiter: Annotated[str, Field(min_length=1)] | None = None
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"

    @property
    def text_columns(self) -> tuple[str, ...]:
        """The columns that make the text."""
        return self.text_fields or (self.target_text_column,)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        columns = self.label_columns or ()
        if self.label_delimiter is not None and len(columns) > 1:
            raise ValueError(
                f"label_delimiter is {self.label_delimiter!r}, but there are {len(columns)} label "
                "columns: leave it out, or name one column"
            )
        told = [column for column in columns if column in self.text_columns]
        if told:
            raise ValueError(
                f"label_columns holds {told[0]!r}, which is a text column too: the text would tell "
                "the label"
            )
        return self


class ModelSection(_Section):
    """Which model is tuned, and how its weights are held.

    Parameters
    ----------
    model_name : str
        A decoder or an encoder: a name on the Hugging Face hub, a folder, or a GGUF file.
    hf_token : str or None, default None
        Opens gated models; None takes the variable HF_TOKEN. It is not written with a run.
    problem_type : str, default "auto"
        "single_label_classification": each row has one label. "multi_label_classification": it
        may have several or none. "auto" finds out in the training rows.
    use_4bit : bool, default False
        Short for 4 `bits`.
    bits : {2, 3, 4, 8} or None, default None
        Hold the pretrained weights in so few bits: by bitsandbytes on CUDA (4 and 8), else by HQQ.
    torch_dtype : {"auto", "float32", "bfloat16", "float16"}, default "auto"
        What is computed in; "auto" is what the device does well.
    lora_r : int or None, default 8
        Rank of the adapters; 0 or None trains all weights.
    lora_alpha : float, default 16
        An adapter counts ``lora_alpha / lora_r``.
    lora_dropout : float, default 0.05
        Share of an adapter's inputs dropped in training.
    lora_target_modules : str, list of str or None, default None
        Which layers get an adapter; None is all linear ones.
    trust_remote_code : bool, default False
        Run the code that a model brings.
    device : str, default "auto"
        Of torch: "cpu", "cuda", "mps".
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
    lora_alpha: _Positive = 16
    lora_dropout: _Share = 0.05
    lora_target_modules: str | tuple[str, ...] | None = None
    trust_remote_code: bool = False
    device: str = "auto"

    @property
    def n_bits(self) -> int | None:
        """How few bits the weights are held in; None in full."""
        return 4 if self.use_4bit else self.bits

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.use_4bit and self.bits not in (None, 4):
            raise ValueError(f"bits is {self.bits}, but use_4bit is true: leave one of them out")
        if self.n_bits and not self.lora_r:
            raise ValueError(
                f"lora_r is {self.lora_r}, but weights in {self.n_bits} bits cannot be trained: "
                "give a rank, as lora_r: 8, or set use_4bit: false and bits: null"
            )
        return self


class TrainSection(_Section):
    """How it learns, and which state of the model is kept.

    Parameters
    ----------
    batch_size : int, default 4
        Texts a forward pass.
    eval_batch_size : int, default 8
        The same where nothing is learned.
    num_train_epochs : float, default 20
        Passes over the training rows, at most.
    max_steps : int or None, default None
        Steps of the optimizer, at most.
    max_seconds : float or None, default None
        Time of a run's training, at most.
    learning_rate : float, default 2e-4
        The highest; it falls linearly to 0.
    weight_decay : float, default 0.01
        Of AdamW.
    warmup_ratio : float, default 0
        Share of the steps in which the learning rate rises.
    gradient_accumulation_steps : int, default 8
        Forward passes a step.
    eval_seconds : float or None, default None
        Validate also within an epoch when so many seconds have passed since the last time.
    early_stopping_patience : int or None, default 2
        Stop after so many evaluations with no gain; None never does.
    metric_for_best_model : {"f1_micro", "f1_macro", "accuracy", "loss"}, default "f1_micro"
        On validation, with tuned thresholds if they are, and of equals the least loss; it decides
        which state and which run is the best.
    save_total_limit : int, default 1
        Checkpoints kept while training.
    optim_8bit_when_4bit : bool, default True
        AdamW with its state in 8 bits if the weights are in few by bitsandbytes.
    class_weights : {"none", "balanced"}, default "none"
        "balanced" counts rare labels more.
    tune_thresholds : bool, default True
        Tune each label's threshold on validation, where rows may have several labels; else 0.5.
    report_to : list of str, default ["tensorboard"]
        Where transformers logs.
    """

    batch_size: _Count = 4
    eval_batch_size: _Count = 8
    num_train_epochs: _Positive = 20
    max_steps: _Count | None = None
    max_seconds: _Positive | None = None
    learning_rate: _Positive = 2e-4
    weight_decay: _NotNegative = 0.01
    warmup_ratio: _Share = 0.0
    gradient_accumulation_steps: _Count = 8
    eval_seconds: _Positive | None = None
    early_stopping_patience: _Count | None = 2
    metric_for_best_model: Literal["f1_micro", "f1_macro", "accuracy", "loss"] = "f1_micro"
    save_total_limit: _Count = 1
    optim_8bit_when_4bit: bool = True
    class_weights: Literal["none", "balanced"] = "none"
    tune_thresholds: bool = True
    report_to: Annotated[
        tuple[str, ...], BeforeValidator(lambda value: () if value is None else _listed(value))
    ] = ("tensorboard",)

    @property
    def average(self) -> Literal["micro", "macro"]:
        """Which F1 the thresholds are tuned for."""
        return "macro" if self.metric_for_best_model == "f1_macro" else "micro"


class ExpSection(_Section):
    """Where the runs are written, and how many there are.

    Parameters
    ----------
    output_root : path, default "outputs"
        Holds a folder for each model, in it one for each data set, in it the runs.
    seeds : list of int, default [1]
        One run each.
    run_name : str or None, default None
        What the folders of the runs are called before their number; None is "run".
    """

    output_root: Path = Path("outputs")
    seeds: Annotated[tuple[_Seed, ...], AfterValidator(_distinct), Field(min_length=1)] = (1,)
    run_name: _FolderName | None = None


class TextClassConfig(_Section):
    """A text classification: its data, model, training and runs.

    Parameters
    ----------
    data : DataSection
        Where the texts and labels stand.
    model : ModelSection
        Which model is tuned.
    train : TrainSection
        How it learns.
    exp : ExpSection
        Where the runs are written.

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
        """Return the config of nested dicts.

        Parameters
        ----------
        values : mapping
            The sections, each a mapping; a section that is None has its defaults.
        where : str, default "config"
            What errors call it.

        Raises
        ------
        ConfigError
            Of all that is wrong, a line each: the key, its value and the mend.

        Examples
        --------
        >>> data = {"dataset_name": "mail", "train_csv": "mail.csv"}
        >>> model = {"model_name": "gpt2", "lora_rank": 4}
        >>> TextClassConfig.of({"data": data, "model": model, "train": {"batch_size": 0}})
        Traceback (most recent call last):
        tabwidget.errors.ConfigError:
        config: model.lora_rank is no key. Did you mean 'lora_r'?
        config: train.batch_size is 0: it should be greater than or equal to 1
        """
        if not isinstance(values, Mapping):
            raise ConfigError(f"{where}: give the sections {', '.join(cls.model_fields)}")
        given = {key: {} if value is None else value for key, value in values.items()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            lines = dict.fromkeys(_line(one["loc"], dict(one)) for one in error.errors())
            raise ConfigError("\n".join(f"{where}: {line}" for line in lines)) from None

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a YAML file.

        Raises
        ------
        DataFileError
            If there is no such file.
        ConfigError
            If it is not YAML, or as `of` does.
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
            raise ConfigError(f"{path} is not UTF-8: save it so") from None
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            line = f", line {mark.line + 1}" if mark else ""
            problem = getattr(error, "problem", None) or getattr(error, "reason", error)
            raise ConfigError(f"{path}{line} is not YAML: {problem}") from None
        return cls.of(values, str(path))

    def write(self, path: str | Path) -> None:
        """Write every key and its value as YAML, so that `read` returns it; without the token."""
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
    """Return what is wrong, from an error of pydantic."""
    # What follows the key is a place in a list, or a type that was tried.
    key = ".".join(map(str, place[:2]))
    key += "".join(f"[{part}]" for part in place[2:3] if isinstance(part, int))
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] in ("extra_forbidden", "invalid_key"):
        return f"{key} is no key.{_right_key(place)}"
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
    """Return where a key that is unknown belongs."""
    *section, key = place
    known: Iterable[str] = _SECTIONS[str(section[0])].model_fields if section else _SECTIONS
    homes = [name for name, kind in _SECTIONS.items() if key in kind.model_fields]
    return f" Write it under {homes[0]!r}." if homes else nearest(key, known)


def _check_once(root: Any, where: str) -> None:
    """Refuse a section or a key that is written twice: YAML would take the last."""
    sections = [root, *(value for _, value in root.value)] if _is_mapping(root) else []
    for section in filter(_is_mapping, sections):
        seen: set[str] = set()
        for key, _ in section.value:
            # A key may be anything in YAML, also a list.
            if str(key.value) in seen:
                raise ConfigError(
                    f"{where}, line {key.start_mark.line + 1} has the key {key.value!r} again: "
                    "leave one of them out"
                )
            seen.add(str(key.value))


def _is_mapping(node: Any) -> bool:
    return getattr(node, "id", None) == "mapping"
