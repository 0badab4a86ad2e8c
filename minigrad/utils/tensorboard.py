"""`SummaryWriter`: writes TensorBoard's files, if a package is there that can.

The records are those of PyTorch's writer: numbers, histograms, texts, pictures, figures and
hyperparameters. The file is written by the package tensorboard, or else by tensorboardX, which is
smaller. What needs more (graphs, embeddings, audio, video, meshes) only tensorboardX's own writer
has. To look at the files takes the program that comes with tensorboard:
``tensorboard --logdir runs``.
"""

from __future__ import annotations

import functools
import io
import os
import socket
import time
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from importlib.util import find_spec
from typing import Any, NoReturn

import numpy as np

from ..tensor import Tensor

__all__ = ["FileWriter", "SummaryWriter"]

PACKAGES = {  # which can write, and where each has its writer and its records
    "tensorboard": (
        "tensorboard.summary.writer.event_file_writer",
        "tensorboard.compat.proto.{}_pb2",
        {
            "plugin_hparams": "tensorboard.plugins.hparams.plugin_data_pb2",
            "api": "tensorboard.plugins.hparams.api_pb2",
        },
    ),
    "tensorboardX": ("tensorboardX.event_file_writer", "tensorboardX.proto.{}_pb2", {}),
}


@functools.cache
def _package() -> str:
    """The one that is installed."""
    for name in PACKAGES:
        if find_spec(name) is not None:
            return name
    raise ModuleNotFoundError(
        "No module named 'tensorboard', nor 'tensorboardX', one of which SummaryWriter writes "
        "with: pip install tensorboard",
        name="tensorboard",
    )


def _protocol(name: str) -> Any:
    """One of the package's modules for the records in its files."""
    _, records, elsewhere = PACKAGES[_package()]
    return import_module(elsewhere.get(name, records.format(name)))


def _not_written(name: str) -> Callable[..., NoReturn]:
    def method(self: SummaryWriter, *args: Any, **kwargs: Any) -> NoReturn:
        raise NotImplementedError(
            f"SummaryWriter.{name} is not in minigrad: write it with tensorboardX.SummaryWriter, "
            "which has a method of this name"
        )

    method.__name__ = method.__qualname__ = name
    method.__doc__ = "Not written: raise NotImplementedError."
    return method


def _array(values: Any) -> np.ndarray:
    """What a tensor, an array or a number holds, as an array."""
    if isinstance(values, Tensor):
        return values.detach().numpy()
    if not isinstance(values, (np.ndarray, np.generic, int, float)):
        raise NotImplementedError(
            f"SummaryWriter: Got {type(values)}, but expected numpy array or torch tensor"
        )
    return np.asarray(values)


def _value(tag: str, **content: Any) -> Any:
    summary_pb2 = _protocol("summary")
    return summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, **content)])


def _shown_by(plugin: str, content: bytes = b"") -> Any:
    metadata = _protocol("summary").SummaryMetadata
    return metadata(plugin_data=metadata.PluginData(plugin_name=plugin, content=content))


class FileWriter:
    """Writes events to a file in a folder.

    Parameters
    ----------
    log_dir : str or path
        The folder; it is made if it is not there.
    max_queue, flush_secs : int
        How many events to keep before they are written, and for how long.
    filename_suffix : str
        What the name of the file ends in.
    """

    def __init__(
        self, log_dir: Any, max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = ""
    ) -> None:
        files = import_module(PACKAGES[_package()][0])
        self.event_writer = files.EventFileWriter(
            os.fspath(log_dir), max_queue, flush_secs, filename_suffix
        )

    def get_logdir(self) -> str:
        """The folder."""
        folder: str = self.event_writer.get_logdir()
        return folder

    def add_event(self, event: Any, step: int | None = None, walltime: float | None = None) -> None:
        """Write an event."""
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self.event_writer.add_event(event)

    def add_summary(
        self, summary: Any, global_step: int | None = None, walltime: float | None = None
    ) -> None:
        """Write a summary."""
        self.add_event(_protocol("event").Event(summary=summary), global_step, walltime)

    def flush(self) -> None:
        """Write what waits."""
        self.event_writer.flush()

    def close(self) -> None:
        """Write what waits, and close the file."""
        self.event_writer.close()


class SummaryWriter:
    """Writes what TensorBoard shows.

    Parameters
    ----------
    log_dir : str or path, optional
        The folder. Default: one in ``runs`` named after the time and this computer.
    comment : str
        What the name of that folder ends in.
    purge_step : int, optional
        The step from which what was written before is not shown.
    max_queue, flush_secs : int
        How many events to keep before they are written, and for how long.
    filename_suffix : str
        What the name of the file ends in.

    Notes
    -----
    Needs the package tensorboard, or tensorboardX (``pip install "minigrad[tensorboard]"``).

    Raises
    ------
    ModuleNotFoundError
        Neither is installed.

    References
    ----------
    https://docs.pytorch.org/docs/stable/tensorboard.html

    Examples
    --------
    A curve of the loss, which ``tensorboard --logdir runs`` shows::

        from minigrad.utils.tensorboard import SummaryWriter

        with SummaryWriter("runs/first") as writer:
            for step, loss in enumerate(losses):
                writer.add_scalar("loss", loss, step)
    """

    def __init__(
        self, log_dir: Any = None, comment: str = "", purge_step: int | None = None,
        max_queue: int = 10, flush_secs: int = 120, filename_suffix: str = "",
    ) -> None:  # fmt: skip
        if not log_dir:
            now = datetime.now().strftime("%b%d_%H-%M-%S")
            log_dir = os.path.join("runs", f"{now}_{socket.gethostname()}{comment}")
        self.log_dir = os.fspath(log_dir)
        self.purge_step = purge_step
        self._options = (max_queue, flush_secs, filename_suffix)
        self.file_writer: FileWriter | None = None
        self.all_writers: dict[str, FileWriter] | None = None
        self._get_file_writer()

    def _get_file_writer(self) -> FileWriter:
        if self.file_writer is None:
            self.file_writer = FileWriter(self.log_dir, *self._options)
            self.all_writers = {self.file_writer.get_logdir(): self.file_writer}
            if self.purge_step is not None:
                event_pb2 = _protocol("event")
                event = event_pb2.Event(step=self.purge_step, file_version="brain.Event:2")
                self.file_writer.add_event(event)
                start = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
                self.file_writer.add_event(event_pb2.Event(session_log=start), self.purge_step)
                self.purge_step = None
        return self.file_writer

    def get_logdir(self) -> str:
        """The folder."""
        return self.log_dir

    def _add(self, summary: Any, step: Any, walltime: float | None) -> None:
        self._get_file_writer().add_summary(summary, None if step is None else int(step), walltime)

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: Any = None, walltime: float | None = None,
        new_style: bool = False, double_precision: bool = False,
    ) -> None:  # fmt: skip
        """Write a number: a point of the curve `tag`."""
        number = _array(scalar_value)
        if number.size != 1:
            raise AssertionError(f"scalar should be 0D: {tag} has shape {number.shape}")
        if new_style:
            kind, field = (
                ("DT_DOUBLE", "double_val") if double_precision else ("DT_FLOAT", "float_val")
            )
            proto = _protocol("tensor").TensorProto(dtype=kind, **{field: [number.item()]})
            self._add(
                _value(tag, tensor=proto, metadata=_shown_by("scalars")), global_step, walltime
            )
        else:
            self._add(_value(tag, simple_value=float(number.item())), global_step, walltime)

    def add_scalars(
        self, main_tag: str, tag_scalar_dict: Mapping[str, Any], global_step: Any = None,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Write numbers that are shown in one picture: each goes into a folder of its own."""
        self._get_file_writer()
        assert self.all_writers is not None
        for tag, number in tag_scalar_dict.items():
            folder = f"{self.log_dir}/{main_tag.replace('/', '_')}_{tag}"
            if folder not in self.all_writers:
                self.all_writers[folder] = FileWriter(folder, *self._options)
            summary = _value(main_tag, simple_value=float(_array(number).item()))
            self.all_writers[folder].add_summary(summary, global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: Any = None, bins: Any = "tensorflow",
        walltime: float | None = None, max_bins: int | None = None,
    ) -> None:  # fmt: skip
        """Write how values are distributed.

        Parameters
        ----------
        bins : str or sequence
            Edges of the bins, a rule of `numpy.histogram`'s, or ``"tensorflow"``: edges that are
            each a tenth greater than the one before, on both sides of 0.
        """
        numbers = _array(values).reshape(-1).astype(np.float64)
        if numbers.size == 0:
            raise ValueError(f"The input has no element: {tag} has no values")
        edges = _growing_edges() if isinstance(bins, str) and bins == "tensorflow" else bins
        counts, limits = np.histogram(numbers, bins=edges)
        if max_bins is not None and len(counts) > max_bins:
            step = len(counts) // max_bins
            counts = np.add.reduceat(counts, np.arange(0, len(counts), step))
            limits = np.append(limits[:-1:step], limits[-1])
        # Empty bins at both ends are left out, but for one below.
        there = np.flatnonzero(counts)
        if there.size == 0:
            raise ValueError(f"The histogram is empty: no value of {tag} is in a bin")
        first, last = int(there[0]), int(there[-1]) + 1
        if first == 0:
            counts, limits = np.insert(counts, 0, 0), np.insert(limits, 0, limits[0])
            first, last = 1, last + 1
        histogram = _protocol("summary").HistogramProto(
            min=numbers.min(), max=numbers.max(), num=numbers.size, sum=numbers.sum(),
            sum_squares=numbers.dot(numbers), bucket_limit=limits[first : last + 1].tolist(),
            bucket=counts[first - 1 : last].tolist(),
        )  # fmt: skip
        self._add(_value(tag, histo=histogram), global_step, walltime)

    def add_text(
        self, tag: str, text_string: str, global_step: Any = None, walltime: float | None = None
    ) -> None:
        """Write a text, in Markdown."""
        shape = _protocol("tensor_shape").TensorShapeProto
        proto = _protocol("tensor").TensorProto(
            dtype="DT_STRING",
            string_val=[text_string.encode()],
            tensor_shape=shape(dim=[shape.Dim(size=1)]),
        )
        shown = _shown_by("text")
        self._add(
            _value(f"{tag}/text_summary", tensor=proto, metadata=shown), global_step, walltime
        )

    def add_image(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "CHW",
    ) -> None:  # fmt: skip
        """Write a picture: values from 0 to 1, or bytes; axes as `dataformats` says."""
        self._add(_image(tag, _laid_out(_array(img_tensor), dataformats)), global_step, walltime)

    def add_images(
        self, tag: str, img_tensor: Any, global_step: Any = None, walltime: float | None = None,
        dataformats: str = "NCHW",
    ) -> None:  # fmt: skip
        """Write several pictures, beside each other."""
        images = _array(img_tensor)
        axis = dataformats.upper().index("N")
        rows = [
            _laid_out(image, dataformats.upper().replace("N", ""))
            for image in np.moveaxis(images, axis, 0)
        ]
        self._add(_image(tag, np.concatenate(rows, axis=1)), global_step, walltime)

    def add_figure(
        self, tag: str, figure: Any, global_step: Any = None, close: bool = True,
        walltime: float | None = None,
    ) -> None:  # fmt: skip
        """Write a figure of matplotlib's, and close it if `close`."""
        pyplot = import_module("matplotlib.pyplot")
        agg = import_module("matplotlib.backends.backend_agg")
        figures = figure if isinstance(figure, list) else [figure]
        for k, one in enumerate(figures):
            canvas = agg.FigureCanvasAgg(one)
            canvas.draw()
            pixels = np.asarray(canvas.buffer_rgba())[..., :3]
            name = tag if len(figures) == 1 else f"{tag}/{k}"
            self.add_image(name, pixels, global_step, walltime, dataformats="HWC")
            if close:
                pyplot.close(one)

    def add_hparams(
        self, hparam_dict: Mapping[str, Any], metric_dict: Mapping[str, Any],
        hparam_domain_discrete: Any = None, run_name: str | None = None, global_step: Any = None,
    ) -> None:  # fmt: skip
        """Write what a run was started with, and what it reached, into a folder of its own."""
        records = _protocol("plugin_hparams")
        api = _protocol("api")
        experiment = api.Experiment(
            hparam_infos=[
                api.HParamInfo(name=key, type=_hparam_type(value))
                for key, value in hparam_dict.items()
            ],
            metric_infos=[api.MetricInfo(name=api.MetricName(tag=key)) for key in metric_dict],
        )
        start = records.SessionStartInfo()
        for key, value in hparam_dict.items():
            kind = _hparam_type(value)
            setattr(start.hparams[key], _HPARAM_FIELDS[kind], str(value) if kind == 1 else value)
        end = records.SessionEndInfo(status=api.STATUS_SUCCESS)
        folder = os.path.join(self.log_dir, run_name or str(time.time()))
        with SummaryWriter(log_dir=folder) as writer:
            for tag, field in (
                ("experiment", {"experiment": experiment}),
                ("session_start_info", {"session_start_info": start}),
                ("session_end_info", {"session_end_info": end}),
            ):
                content = records.HParamsPluginData(**field).SerializeToString()
                shown = _shown_by("hparams", content)
                writer._add(_value(f"_hparams_/{tag}", metadata=shown), None, None)
            for key, number in metric_dict.items():
                writer.add_scalar(key, number, global_step)

    def add_graph(self, model: Any, input_to_model: Any = None, *args: Any, **kwargs: Any) -> None:
        """Write nothing, and warn: there is no graph of a model apart from its Python."""
        warnings.warn(
            "SummaryWriter.add_graph has no effect in minigrad: a model has no graph apart from "
            "its Python",
            UserWarning,
            stacklevel=2,
        )

    def flush(self) -> None:
        """Write what waits."""
        for writer in (self.all_writers or {}).values():
            writer.flush()

    def close(self) -> None:
        """Write what waits, and close the files."""
        for writer in (self.all_writers or {}).values():
            writer.flush()
            writer.close()
        self.file_writer = self.all_writers = None

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    add_audio = _not_written("add_audio")
    add_custom_scalars = _not_written("add_custom_scalars")
    add_embedding = _not_written("add_embedding")
    add_mesh = _not_written("add_mesh")
    add_pr_curve = _not_written("add_pr_curve")
    add_tensor = _not_written("add_tensor")
    add_video = _not_written("add_video")


_HPARAM_FIELDS = {1: "string_value", 3: "number_value"}


def _hparam_type(value: Any) -> int:
    """TensorBoard's number for a text, and for a number; truth values are numbers."""
    return 3 if isinstance(value, (int, float)) else 1


def _growing_edges() -> np.ndarray:
    """Edges from 1e-12 to 1e20 by steps of a tenth, the same below 0, and 0."""
    edges, edge = [0.0], 1e-12
    while edge < 1e20:
        edges = [-edge, *edges, edge]
        edge *= 1.1
    return np.array(edges)


def _laid_out(image: np.ndarray, dataformats: str) -> np.ndarray:
    """A picture with axes ``"HWC"`` and three colours, or four with transparency, as bytes."""
    axes = dataformats.upper()
    if image.ndim != len(axes):
        raise AssertionError(
            f"size of input tensor and input format are different: a picture with {image.ndim} "
            f"axes is not {dataformats}"
        )
    image = image.transpose([axes.index(axis) for axis in "HWC" if axis in axes])
    if image.ndim == 2:
        image = image[..., None]
    if image.shape[-1] == 1:
        image = np.repeat(image, 3, axis=-1)
    if image.dtype != np.uint8:
        image = np.clip(image.astype(np.float64) * 255.0, 0.0, 255.0).astype(np.uint8)
    return image


def _image(tag: str, pixels: np.ndarray) -> Any:
    file = io.BytesIO()
    import_module("PIL.Image").fromarray(pixels).save(file, format="PNG")
    height, width, colours = pixels.shape
    content = _protocol("summary").Summary.Image(
        height=height, width=width, colorspace=colours, encoded_image_string=file.getvalue()
    )
    return _value(tag, image=content)
