from __future__ import annotations

import inspect
import json
import re
import runpy
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tabwidget.errors import ConfigError
from tabwidget.lm.cleaning import Sampling, TextBackend, create_hf_backend, create_mlx_backend

BACKENDS = {
    "mlx": (create_mlx_backend, ["mlx_lm"]),
    "huggingface": (create_hf_backend, ["transformers"]),
}
PROMPT = '{"letter": "a", "number": '
TEMPLATE = "[{{ messages[0]['content'] }}]{% if add_generation_prompt %}:{% endif %}"
RECORDS = [
    {"name": "Ann", "phone": "(555) 010-1234"},
    {"name": "Bo", "phone": "555.010.9876"},
    {"name": "Cy", "phone": "555 010 4321"},
]
ANSWER = """<cleaning_analysis>
  <issues_detected>
    <issue id="1" solved="false">Phone numbers are written in many ways</issue>
  </issues_detected>
  <function_to_generate>
    <name>only_digits</name>
    <docstring>
Keeps the digits of a phone number.
Tags: phone, normalize
    </docstring>
    <code>
```python
def only_digits(record: dict) -> dict:
    record["phone"] = "".join(c for c in record["phone"] if c.isdigit())
    return record
```
    </code>
  </function_to_generate>
  <chunk_status>needs_more_work</chunk_status>
</cleaning_analysis>"""
CLEAN = """<cleaning_analysis>
  <issues_detected>
    <issue id="1" solved="true">Phone numbers are written in many ways</issue>
  </issues_detected>
  <chunk_status>clean</chunk_status>
</cleaning_analysis>"""


@pytest.fixture(params=list(BACKENDS))
def create(request: pytest.FixtureRequest) -> Callable[..., TextBackend]:
    create, needs = BACKENDS[request.param]
    for package in needs:
        pytest.importorskip(package)
    return create


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    from tests.backends.text.fakes import save_tiny

    return save_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture
def chatting(tmp_path: Path) -> Path:
    """Return a tiny model with a chat template, and a generation config of its own."""
    pytest.importorskip("transformers", reason="the extra 'hf' is not installed")
    from tests.backends.text.fakes import save_tiny

    folder = save_tiny(tmp_path)
    (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    settings = json.loads((folder / "generation_config.json").read_text(encoding="utf-8"))
    own = {"do_sample": True, "temperature": 5.0, "top_k": 1, "repetition_penalty": 9.0}
    (folder / "generation_config.json").write_text(json.dumps({**settings, **own}), "utf-8")
    return folder


def test_the_cleaner_runs_with_a_text_backend(tmp_path: Path) -> None:
    cleaner = pytest.importorskip("recursive_cleaner")
    data, output = tmp_path / "data.jsonl", tmp_path / "cleaning_functions.py"
    data.write_text("\n".join(map(json.dumps, RECORDS)), encoding="utf-8")
    prompts = []

    def complete(prompt: str) -> str:
        prompts.append(prompt)
        done = "only_digits" in re.split("=== (?:DATA|TASK)", prompt)[0]
        return prompt + (CLEAN if done else ANSWER)

    cleaner.DataCleaner(
        llm_backend=TextBackend(complete),
        file_path=str(data),
        instructions="Phone numbers as digits",
        output_path=str(output),
        report_path=None,
    ).run()
    assert len(prompts) == 2
    assert all("Phone numbers as digits" in prompt for prompt in prompts)
    clean_data = runpy.run_path(str(output))["clean_data"]
    assert [clean_data(dict(record))["phone"] for record in RECORDS] == [
        "5550101234",
        "5550109876",
        "5550104321",
    ]


def test_generate_has_the_signature_of_the_protocol() -> None:
    types = pytest.importorskip("recursive_cleaner.types")
    expected = inspect.signature(types.LLMBackend.generate)
    found = inspect.signature(TextBackend.generate, eval_str=True)
    assert found == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a b c", " c"), ("c", "c"), ("c a b", "c a b"), ("a b", ""), ("", "")],
)
def test_a_leading_prompt_is_removed(text: str, expected: str) -> None:
    assert TextBackend(lambda prompt: text).generate("a b") == expected


def test_the_arguments_are_those_of_the_document() -> None:
    assert Sampling().get_params() == {
        "max_tokens": 2048,
        "temperature": 0.7,
        "top_p": 0.9,
        "repetition_penalty": 1.1,
        "use_chat_template": True,
    }
    model = inspect.signature(create_mlx_backend).parameters["model"]
    assert model.default == "mlx-community/Mistral-7B-Instruct-v0.3-4bit"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_tokens", 0),
        ("max_tokens", None),
        ("temperature", -0.1),
        ("top_p", 0),
        ("top_p", 1.5),
        ("repetition_penalty", 0),
        ("use_chat_template", "yes"),
    ],
)
def test_an_argument_out_of_range_is_an_error(
    create: Callable[..., TextBackend], name: str, value: Any
) -> None:
    with pytest.raises(ConfigError, match=rf"Sampling\.{name} must be .*, not {value!r}"):
        create("none", **{name: value})


def test_a_missing_model_is_an_error_at_once(create: Callable[..., TextBackend]) -> None:
    with pytest.raises(ConfigError, match="no/where"):
        create("./no/where")


def test_a_model_generates(create: Callable[..., TextBackend], tiny: Path) -> None:
    long, short = (create(tiny, temperature=0, max_tokens=n).generate(PROMPT) for n in (12, 4))
    assert long.startswith(short)
    assert len(long) > len(short) > 0
    assert not long.startswith(PROMPT)


def test_backends_generate_the_same(tiny: Path) -> None:
    for _, needs in BACKENDS.values():
        for package in needs:
            pytest.importorskip(package)
    texts = {
        (name, penalty): create(
            tiny, temperature=0, max_tokens=40, repetition_penalty=penalty
        ).generate(PROMPT)
        for name, (create, _) in BACKENDS.items()
        for penalty in (1, 1.5)
    }
    assert texts["mlx", 1] == texts["huggingface", 1]
    assert texts["mlx", 1.5] == texts["huggingface", 1.5] != texts["mlx", 1]


def test_a_chat_template_is_applied_if_there_is_one(
    create: Callable[..., TextBackend], tiny: Path, chatting: Path
) -> None:
    options: dict[str, Any] = {"temperature": 0, "max_tokens": 8}
    in_chat = create(chatting, **options).generate(PROMPT)
    assert in_chat == create(chatting, use_chat_template=False, **options).generate(f"[{PROMPT}]:")
    assert in_chat != create(chatting, use_chat_template=False, **options).generate(PROMPT)
    assert create(tiny, **options).generate(f"[{PROMPT}]:") == in_chat


def test_an_empty_prompt_is_an_error(
    create: Callable[..., TextBackend], tiny: Path, chatting: Path
) -> None:
    options: dict[str, Any] = {"temperature": 0, "max_tokens": 4}
    for backend in (create(tiny), create(chatting, use_chat_template=False)):
        with pytest.raises(ConfigError, match="prompt '' has no tokens: give a text, or a mode"):
            backend.generate("")
    in_chat = create(chatting, **options).generate("")
    assert in_chat == create(tiny, **options).generate("[]:")


def test_the_models_generation_config_is_ignored(
    create: Callable[..., TextBackend], tiny: Path, chatting: Path
) -> None:
    options: dict[str, Any] = {"max_tokens": 40, "use_chat_template": False}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        greedy = create(tiny, temperature=0, **options).generate(PROMPT)
        for fields in ({"temperature": 0}, {"top_p": 1e-6}, {"temperature": 1e-7, "top_p": 1}):
            assert create(chatting, **fields, **options).generate(PROMPT) == greedy
        wide = create(chatting, temperature=2, top_p=1, **options)
        assert len({wide.generate(PROMPT) for _ in range(4)}) > 1


def test_the_end_token_is_not_part_of_the_text(
    create: Callable[..., TextBackend], tiny: Path, tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(tiny)
    tokenizer = AutoTokenizer.from_pretrained(tiny)
    # All tokens are equally probable: greedy decoding takes the first, here the end token.
    model.model.norm.weight.data.zero_()
    model.config.eos_token_id = model.generation_config.eos_token_id = 0
    tokenizer.eos_token = tokenizer.decode([0])
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert create(tmp_path, temperature=0, repetition_penalty=1).generate(PROMPT) == ""


def test_quantized_weights_stay_quantized(tiny: Path, tmp_path: Path) -> None:
    lm = pytest.importorskip("mlx_lm", reason="the extra 'mlx' is not installed")
    folder = tmp_path / "quantized"
    lm.convert(str(tiny), str(folder), quantize=True, q_bits=4, q_group_size=32)
    backend = create_mlx_backend(folder, temperature=0, repetition_penalty=1, max_tokens=12)
    assert backend.generate(PROMPT) == lm.generate(*lm.load(str(folder)), PROMPT, max_tokens=12)
