"""``graftwork datasets save-as``."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from graftwork.cli.connection import json_option
from graftwork.cli.connection import server_options
from graftwork.cli.dataset_files import directory_of
from graftwork.cli.errors import ExtraMissing
from graftwork.cli.file_formats import FileFormat
from graftwork.cli.file_formats import format_of
from graftwork.cli.placing import force_option
from graftwork.cli.placing import may_write
from graftwork.exports.targets import Target

if TYPE_CHECKING:
    from graftwork.cli.saving import Saved


@click.command("save-as")
@click.argument("dataset", metavar="DATASET")
@click.option(
    "--to", "target", type=click.Choice([each.value for each in Target]), default=Target.TRL.value, show_default=True
)
@click.option(
    "--format", "named", type=click.Choice([each.value for each in FileFormat]), help="[default: by the suffix of FILE]"
)
@click.option("-o", "--output", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False), required=True)
@click.option("--keep-extras", is_flag=True, help="Keep the column `graftwork`: where each row comes from.")
@force_option
@server_options
@json_option
def save_as(
    dataset: str, *, target: str, named: str | None, output: Path, keep_extras: bool, force: bool,
    url: str | None, key: str | None, as_json: bool,
) -> None:  # fmt: skip
    """Save DATASET, a directory or an id, as one FILE that other tools read.

    \b
    trl       the columns as they are: prompt and completion, messages, or text
    alpaca    instruction, input, output; of conversations also system and history
    sharegpt  conversations: [{from: human, value: ...}, {from: gpt, value: ...}]
    chatml    text: <|im_start|>user ... <|im_end|>, turn by turn
    openai    messages: [{role: user, content: ...}, ...], for fine-tuning

    In CSV, lists and objects are JSON.
    """  # noqa: D301 (the mark is click's: it keeps these lines apart)
    file_format = format_of(output, named)
    may_write(output, force=force)
    saved = _save(directory_of(dataset, url, key), Target(target), output, file_format, keep_extras=keep_extras)
    if saved.left_out:
        click.echo(f"left out, as {target} has no place for it: {', '.join(saved.left_out)}", err=True)
    if as_json:
        told = {"path": str(output.absolute()), "rows": saved.rows, "columns": saved.columns}
        click.echo(json.dumps({**told, "left_out": saved.left_out}))
    else:
        click.echo(f"{output}: {saved.rows} rows ({', '.join(saved.columns)})")


def _save(directory: Path, target: Target, file: Path, file_format: FileFormat, *, keep_extras: bool) -> "Saved":
    try:
        from graftwork.cli.saving import save  # noqa: PLC0415 (PyArrow takes a while, and may be missing)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != "pyarrow":
            raise
        raise ExtraMissing("pyarrow", "export") from error
    return save(directory, target, file, file_format, keep_extras=keep_extras)
