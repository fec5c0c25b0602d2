#!/usr/bin/env python3
"""Makes a checkpoint that vLLM can load out of the tiny model's GGUF file, and a LoRA adapter for it.

``.venv-vllm/bin/python scripts/tiny_checkpoint.py FILE.gguf DIRECTORY`` needs torch and transformers, which vLLM
brings, and PyPI's ``gguf``. It takes half a minute and 270 MB. The directory appears when all of it is there.
"""

import json
import sys
from collections.abc import Callable
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from gguf import GGUFReader
from gguf import ReaderTensor
from gguf import dequantize
from safetensors.torch import save_file
from tokenizers import AddedToken
from tokenizers import Tokenizer
from tokenizers import decoders
from tokenizers import models
from tokenizers import pre_tokenizers
from transformers import LlamaConfig
from transformers import LlamaForCausalLM
from transformers import PreTrainedTokenizerFast

ADAPTER = "adapter"
ADAPTER_RANK = 8
ADAPTER_SCALE = 0.3  # of the base weights' size: its texts are others, and still texts
CONTROL_TOKEN = 3  # llama.cpp's type of tokens that no text spells
PARTS_OF_BLOCK = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}
PARTS = {"token_embd": "model.embed_tokens", "output_norm": "model.norm"}

Weights = dict[str, torch.Tensor]


def config_of(said: Callable[[str], Any]) -> LlamaConfig:
    """The architecture, which is Llama's with tied embeddings; ``said`` gives the file's metadata by key."""
    return LlamaConfig(
        vocab_size=len(said("tokenizer.ggml.tokens")),
        hidden_size=said("llama.embedding_length"),
        intermediate_size=said("llama.feed_forward_length"),
        num_hidden_layers=said("llama.block_count"),
        num_attention_heads=said("llama.attention.head_count"),
        num_key_value_heads=said("llama.attention.head_count_kv"),
        max_position_embeddings=said("llama.context_length"),
        rope_theta=said("llama.rope.freq_base"),
        rms_norm_eps=said("llama.attention.layer_norm_rms_epsilon"),
        bos_token_id=said("tokenizer.ggml.bos_token_id"),
        eos_token_id=said("tokenizer.ggml.eos_token_id"),
        tie_word_embeddings=True,
        dtype="bfloat16",
    )


def weights_of(tensors: list[ReaderTensor], config: LlamaConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Every weight by its name in transformers, dequantised, in bfloat16."""
    for tensor in tensors:
        name = tensor.name.removesuffix(".weight")
        values = dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        if name.endswith("attn_q"):
            values = rotated_back(values, config.num_attention_heads)
        elif name.endswith("attn_k"):
            values = rotated_back(values, config.num_key_value_heads)
        yield f"{name_of(name)}.weight", torch.from_numpy(np.ascontiguousarray(values)).to(torch.bfloat16)


def name_of(name: str) -> str:
    """llama.cpp's ``blk.0.attn_q`` is transformers' ``model.layers.0.self_attn.q_proj``."""
    if not name.startswith("blk."):
        return PARTS[name]
    _, block, part = name.split(".")
    return f"model.layers.{block}.{PARTS_OF_BLOCK[part]}"


def rotated_back(values: "np.ndarray[Any, Any]", heads: int) -> "np.ndarray[Any, Any]":
    """Undo llama.cpp's order of rows: it pairs neighbours for rotary embeddings, transformers pairs halves."""
    half = values.shape[0] // heads // 2
    return values.reshape(heads, half, 2, *values.shape[1:]).swapaxes(1, 2).reshape(values.shape)


def model_of(config: LlamaConfig, weights: Weights) -> LlamaForCausalLM:
    """The model; every one of its weights has to be among ``weights``, but the output's, which are the embeddings'."""
    model = LlamaForCausalLM(config).to(torch.bfloat16)
    missing, unknown = model.load_state_dict(weights, strict=False)
    if set(missing) - {"lm_head.weight"} or unknown:
        raise SystemExit(f"this file is no Llama: it lacks {missing} and has {unknown} besides")
    return model


def tokenizer_of(said: Callable[[str], Any], config: LlamaConfig) -> PreTrainedTokenizerFast:
    """Byte-level BPE that splits numbers into digits, with the file's chat template."""
    words, kinds = said("tokenizer.ggml.tokens"), said("tokenizer.ggml.token_type")
    vocabulary = {word: number for number, word in enumerate(words)}
    bpe = Tokenizer(models.BPE(vocab=vocabulary, merges=[tuple(m.split(" ")) for m in said("tokenizer.ggml.merges")]))
    bpe.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    bpe.decoder = decoders.ByteLevel()
    control = (word for word, kind in zip(words, kinds, strict=True) if kind == CONTROL_TOKEN)
    bpe.add_special_tokens([AddedToken(word, special=True, normalized=False) for word in control])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token=words[config.bos_token_id],
        eos_token=words[config.eos_token_id],
        pad_token=words[config.eos_token_id],
        clean_up_tokenization_spaces=False,
        model_max_length=config.max_position_embeddings,
    )
    tokenizer.chat_template = said("tokenizer.chat_template")
    return tokenizer


def adapter_of(weights: Weights) -> Weights:
    """A LoRA adapter of random numbers, always the same ones, large enough to change what the model writes."""
    numbers = torch.Generator().manual_seed(0)
    adapter: Weights = {}
    for name, weight in weights.items():
        if not name.endswith(("q_proj.weight", "v_proj.weight")):
            continue
        rows, columns = weight.shape
        into = torch.randn(ADAPTER_RANK, columns, generator=numbers)
        out = torch.randn(rows, ADAPTER_RANK, generator=numbers)
        size = ADAPTER_SCALE * float(weight.float().std()) / ADAPTER_RANK**0.5
        part = f"base_model.model.{name.removesuffix('.weight')}"
        adapter[f"{part}.lora_A.weight"] = into.to(torch.bfloat16)
        adapter[f"{part}.lora_B.weight"] = (size * out).to(torch.bfloat16)
    return adapter


def save_adapter(adapter: Weights, directory: Path) -> None:
    """Write an adapter in PEFT's form, which vLLM reads."""
    directory.mkdir()
    save_file(adapter, directory / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "r": ADAPTER_RANK,
        "lora_alpha": ADAPTER_RANK,
        "target_modules": ["q_proj", "v_proj"],
        "bias": "none",
    }
    (directory / "adapter_config.json").write_text(json.dumps(config))


def make(source: Path, target: Path) -> None:
    """Write everything into ``target``, which exists."""
    file = GGUFReader(source)

    def said(key: str) -> Any:
        return file.fields[key].contents()

    config = config_of(said)
    weights = dict(weights_of(file.tensors, config))
    model_of(config, weights).save_pretrained(target)
    tokenizer_of(said, config).save_pretrained(target)
    save_adapter(adapter_of(weights), target / ADAPTER)


def main(source: str, target: str) -> None:
    """Make the directory, or do nothing where it is there."""
    if (wanted := Path(target)).exists():
        return
    wanted.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=wanted.parent) as scratch:
        begun = Path(scratch) / "checkpoint"
        begun.mkdir()
        make(Path(source), begun)
        begun.rename(wanted)


if __name__ == "__main__":
    main(*sys.argv[1:])
