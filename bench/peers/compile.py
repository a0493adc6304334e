"""Inference side by side: compile.py LATHE RUNTIME [--threads 1,2] [--rounds 15] [--measure] [--externals] [--int8] [--only NAME,…].

LATHE is the program, RUNTIME its liblathe_runtime.so. Six networks with random weights, batch 1, f32, run on PyTorch
eager, TorchScript's optimize_for_inference, ONNX Runtime, OpenVINO (whichever can be imported) and Lathe, from one ONNX
file each. Rounds alternate between engines; a round is as many runs as take 50 ms, after a rest and a run that does not
count, and counts with its median. Prints a table of medians over rounds and the ratio of the best other engine to Lathe,
and the largest difference from PyTorch.
With --externals: also Lathe with measured kernels, by its own alone (none), with another library's where they are
faster (auto) and wherever there are some (always); and the speed of none as a part of auto's.
With --int8: Lathe's and ONNX Runtime's static quantization (per channel, the same 16 samples) beside their own f32.
`install compile` makes an environment for it.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import torch
from torch import nn

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "examples"))
from run_compiled import CompiledModel  # noqa: E402


def conv_bn(inputs, outputs, kernel, stride=1, groups=1, act=None):
    layers = [nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([act] if act else []))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.body = nn.Sequential(conv_bn(inputs, outputs, 3, stride, act=nn.ReLU()), conv_bn(outputs, outputs, 3))
        self.shortcut = nn.Identity() if stride == 1 and inputs == outputs else conv_bn(inputs, outputs, 1, stride)

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18():
    layers = [conv_bn(3, 64, 7, 2, act=nn.ReLU()), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage in range(4):
        for block in range(2):
            outputs = 64 << stage
            layers.append(Residual(inputs, outputs, 2 if stage and not block else 1))
            inputs = outputs
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000)), torch.randn(1, 3, 224, 224)


class Inverted(nn.Module):
    def __init__(self, inputs, outputs, stride, factor):
        super().__init__()
        hidden = inputs * factor
        expand = [conv_bn(inputs, hidden, 1, act=nn.ReLU6())] if factor > 1 else []
        self.body = nn.Sequential(*expand, conv_bn(hidden, hidden, 3, stride, hidden, nn.ReLU6()), conv_bn(hidden, outputs, 1))
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.residual else self.body(x)


def mobilenet_v2():
    layers, inputs = [conv_bn(3, 32, 3, 2, act=nn.ReLU6())], 32
    for factor, outputs, count, stride in [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1),
                                           (6, 160, 3, 2), (6, 320, 1, 1)]:
        for i in range(count):
            layers.append(Inverted(inputs, outputs, stride if i == 0 else 1, factor))
            inputs = outputs
    layers += [conv_bn(320, 1280, 1, act=nn.ReLU6()), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000)]
    return nn.Sequential(*layers), torch.randn(1, 3, 224, 224)


def fashion():
    """The main job's network: three stages of two convolutions."""
    layers, inputs = [], 1
    for channels in (32, 64, 128):
        layers += [conv_bn(inputs, channels, 3, act=nn.ReLU()), conv_bn(channels, channels, 3, act=nn.ReLU()), nn.MaxPool2d(2)]
        inputs = channels
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(128, 10)), torch.randn(1, 1, 28, 28)


def dqn():
    return nn.Sequential(nn.Conv2d(4, 32, 8, 4), nn.ReLU(), nn.Conv2d(32, 64, 4, 2), nn.ReLU(), nn.Conv2d(64, 64, 3), nn.ReLU(),
                         nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 18)), torch.randn(1, 4, 84, 84)


class LanguageModel(nn.Module):
    def __init__(self):
        super().__init__()
        self.embedding, self.lstm, self.head = nn.Embedding(10000, 256), nn.LSTM(256, 256, 2), nn.Linear(256, 10000)

    def forward(self, tokens):
        return self.head(self.lstm(self.embedding(tokens))[0])


class Encoder(nn.Module):
    """Four layers, written out so that every exporter takes it."""

    def __init__(self, width=256, heads=4, depth=4):
        super().__init__()
        self.heads = heads
        self.layers = nn.ModuleList(nn.ModuleDict({
            "n1": nn.LayerNorm(width), "qkv": nn.Linear(width, 3 * width), "out": nn.Linear(width, width),
            "n2": nn.LayerNorm(width), "up": nn.Linear(width, 4 * width), "down": nn.Linear(4 * width, width)})
            for _ in range(depth))

    def forward(self, x):
        b, t, d = x.shape
        for m in self.layers:
            q, k, v = m["qkv"](m["n1"](x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
            a = torch.softmax(q @ k.transpose(-1, -2) * (d // self.heads) ** -0.5, -1) @ v
            x = x + m["out"](a.transpose(1, 2).reshape(b, t, d))
            x = x + m["down"](torch.nn.functional.gelu(m["up"](m["n2"](x))))
        return x


NETWORKS = {
    "fashion-mnist": fashion,
    "resnet18": resnet18,
    "mobilenet-v2": mobilenet_v2,
    "lstm": lambda: (LanguageModel(), torch.randint(0, 10000, (35, 1))),
    "transformer": lambda: (Encoder(), torch.randn(1, 128, 256)),
    "dqn": dqn,
}


def engines(model, example, onnx, compiled, runtime, threads):
    """Name -> a function without arguments that runs once and returns the output as an array."""
    array = example.numpy()
    scripted = torch.jit.optimize_for_inference(torch.jit.trace(model, example))
    result = {"pytorch": lambda: model(example).numpy(), "torchscript": lambda: scripted(example).numpy()}
    try:
        import onnxruntime
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
        result["onnxruntime"] = lambda: session.run(None, {"x": array})[0]
    except ImportError:
        pass
    try:
        import openvino
        core = openvino.Core()
        config = {"INFERENCE_NUM_THREADS": threads, "PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": "f32"}
        request = core.compile_model(onnx, "CPU", config).create_infer_request()
        result["openvino"] = lambda: request.infer({0: array})[0]
    except ImportError:
        pass
    module = CompiledModel(runtime, compiled, threads)
    result["lathe"] = lambda: module(array)[0]
    return result


def externals_engines(compiled, command, runtime, threads, array):
    """Engines, and how many operations of auto are another library's."""
    result, calls = {}, {}
    for choice in ("none", "auto", "always"):
        path = f"{compiled}.{choice}"
        made = subprocess.run(command + ["--measure", "--externals", choice, "--json", "-o", path], check=True, stdout=subprocess.PIPE)
        calls[choice] = json.loads(made.stdout)["external_operations"]
        module = CompiledModel(runtime, path, threads)
        result["lathe " + choice] = lambda module=module: module(array)[0]
    return result, calls["auto"]


def quantized_engines(model, example, onnx, compiled, command, runtime, threads, directory):
    import onnxruntime
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process
    array = example.numpy()
    samples = [torch.randn_like(example).numpy() for _ in range(16)]

    class Reader(CalibrationDataReader):
        def __init__(self):
            self.rest = iter(samples)

        def get_next(self):
            sample = next(self.rest, None)
            return None if sample is None else {"x": sample}

    bytes_onnx, bytes_compiled, npy = onnx + ".int8.onnx", compiled + ".int8", os.path.join(directory, "samples.npy")
    numpy.save(npy, numpy.concatenate(samples))
    # Without VNNI its products of bytes want weights of seven bits, as Lathe's do.
    quant_pre_process(onnx, bytes_onnx)
    quantize_static(bytes_onnx, bytes_onnx, Reader(), quant_format=QuantFormat.QDQ, per_channel=True, reduce_range=True)
    subprocess.run(command + ["-o", bytes_compiled, "--quantize", "int8", "--calibrate", npy, "--max-loss", "1"], check=True, stdout=subprocess.DEVNULL)
    result = {"pytorch": lambda: model(example).numpy()}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    for name, file in (("ort f32", onnx), ("ort int8", bytes_onnx)):
        session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
        result[name] = lambda session=session: session.run(None, {"x": array})[0]
    for name, path in (("lathe f32", compiled), ("lathe", bytes_compiled)):
        module = CompiledModel(runtime, path, threads)
        result[name] = lambda module=module: module(array)[0]
    return result


def race(runs, rounds):
    def round_of(run, count):
        time.sleep(0.05)  # until the threads of the engine before have stopped waiting for work
        run()
        seconds = []
        for _ in range(count):
            start = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - start)
        return statistics.median(seconds)

    counts = {name: max(3, int(0.05 / max(round_of(run, 3), 1e-6))) for name, run in runs.items()}
    times = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            times[name].append(round_of(run, counts[name]))
    return {name: statistics.median(values) for name, values in times.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lathe")
    parser.add_argument("runtime")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--measure", action="store_true", help="let lathe time its kernels' variants")
    parser.add_argument("--externals", action="store_true", help="lathe without and with kernels of another library")
    parser.add_argument("--int8", action="store_true", help="quantized networks (those of images)")
    parser.add_argument("--only")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as directory, torch.no_grad():
        every = ["fashion-mnist", "resnet18", "mobilenet-v2"] if arguments.int8 else list(NETWORKS)
        for name in arguments.only.split(",") if arguments.only else every:
            torch.manual_seed(1)
            model, example = NETWORKS[name]()
            model.eval()
            onnx = os.path.join(directory, name + ".onnx")
            torch.onnx.export(model, example, onnx, input_names=["x"], output_names=["y"], opset_version=13)
            for threads in map(int, arguments.threads.split(",")):
                compiled = os.path.join(directory, f"{name}.{threads}.compiled")
                command = [arguments.lathe, "compile", onnx, "--quiet", "--threads", str(threads)]
                measured = ["--measure"] if arguments.measure else []
                subprocess.run(command + measured + ["-o", compiled], check=True, stdout=subprocess.DEVNULL)
                torch.set_num_threads(threads)
                if arguments.int8:
                    runs = quantized_engines(model, example, onnx, compiled, command + measured, arguments.runtime, threads, directory)
                else:
                    runs = engines(model, example, onnx, compiled, arguments.runtime, threads)
                others = [name for name in runs if name != "lathe"]
                if arguments.externals:
                    more, calls = externals_engines(compiled, command, arguments.runtime, threads, example.numpy())
                    runs.update(more)
                reference = runs["pytorch"]()
                error = float(numpy.abs(runs["lathe"]() - reference).max() / max(1e-30, numpy.abs(reference).max()))
                times = race(runs, arguments.rounds)
                best = min(times[name] for name in others)
                rows.append({"network": name, "threads": threads, "ms": {k: 1e3 * v for k, v in times.items()},
                             "ratio": best / times["lathe"], "error": error})
                note = ""
                if arguments.externals:
                    part = times["lathe auto"] / times["lathe none"]
                    rows[-1].update({"external_operations": calls, "none_of_auto": part})
                    note = f"  {calls} external operations, without them {part:.3f} of the speed"
                if not arguments.json:
                    cells = "  ".join(f"{k} {1e3 * v:8.3f}" for k, v in times.items())
                    print(f"{name:14} {threads} thread(s)  {cells}  ms  best other / lathe {best / times['lathe']:.2f}  error {error:.1e}{note}",
                          flush=True)
    if arguments.json:
        print(json.dumps(rows, indent=1))
    elif rows:
        print(f"geometric mean of the ratios: {statistics.geometric_mean(row['ratio'] for row in rows):.2f}")


if __name__ == "__main__":
    main()
