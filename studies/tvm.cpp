// Compiled networks beside libtorch, one thread, one example.
#include <torch/torch.h>

#include "lathe/compile/compile.h"
#include "lathe/compile/compiled_model.h"
#include "lathe/compile/import_torch.h"
#include "lathe/compile/passes.h"
#include "lathe/compile/quantize.h"
#include "lathe/compile/verify.h"
#include "lathe/core/files.h"
#include "lathe/pipeline/study.h"
#include "lathe/train/threads.h"
#include "studies/timing.h"
#include "studies/tvm_networks.h"

namespace lathe::studies {
namespace {

using pipeline::Bar;
using pipeline::StudyContext;
using pipeline::StudyResult;

struct Bars {
  std::optional<Bar> eager, channels_last, fusion;
};

// Seconds of each of several pieces of work, in turns, as medians of a turn.
std::vector<std::vector<double>> take_turns(const std::vector<std::function<void()>>& works, int turns,
                                            double milliseconds, const core::StopToken& stop) {
  std::vector<int> counts;
  for (const auto& work : works) {
    work();
    const double start = now_milliseconds();
    work();
    counts.push_back(
        std::max(3, static_cast<int>(milliseconds / std::max(1e-4, now_milliseconds() - start))));
  }
  std::vector<std::vector<double>> times(works.size());
  for (int turn = 0; turn < turns; ++turn)
    for (size_t w = 0; w < works.size(); ++w) {
      stop.check("timing compiled networks");
      std::vector<double> runs;
      for (int i = 0; i < counts[w]; ++i) {
        const double start = now_milliseconds();
        works[w]();
        runs.push_back(now_milliseconds() - start);
      }
      times[w].push_back(median(runs));
    }
  return times;
}

class Comparison {
 public:
  Comparison(TvmNetwork network, const StudyContext& context, StudyResult& result)
      : network_(std::move(network)), context_(context), result_(result) {
    graph_ = compile::import_traced(
        *network_.module,
        [this](const auto& in) { return std::vector<torch::Tensor>{network_.forward(in[0])}; },
        {network_.example});
  }

  void run(const Bars& bars, bool smoke) {
    const int turns = smoke ? 2 : 15;
    const double span = smoke ? 5 : 60;
    const compile::CompileReport report = compile(graph_, "f32", 3);
    compile::CompiledModel model(place("f32"), 1);
    compile(graph_, "unfused", 1);
    compile::CompiledModel unfused(place("unfused"), 1);
    const auto works = std::vector<std::function<void()>>{[&] { model({network_.example}); },
                                                          [&] { network_.forward(network_.example); },
                                                          [&] { unfused({network_.example}); }};
    const auto times = take_turns(works, turns, span, context_.stop);
    row("compiled, ms", {}, median(times[0]), {});
    row("eager / compiled", median(times[1]), median_ratio(times[1], times[0]), bars.eager);
    row("neither fusion nor blocked layouts / compiled", median(times[2]), median_ratio(times[2], times[0]),
        bars.fusion);
    exact_row(
        "largest error, relative to the largest output",
        compile::relative_error(model({network_.example})[0],
                                compile::evaluate(graph_, {network_.example}, compile::Precision::f64)[0]),
        Bar{.most = 1e-4});
    exact_row("arena / most bytes alive at once",
              static_cast<double>(report.arena_bytes) / static_cast<double>(report.arena_lower_bound),
              Bar{.most = 1.1});
    row("compile, s", {}, report.seconds, Bar{.most = 20});
    if (!smoke) {
      run_bytes(model, turns, span);
      run_channels_last(model, turns, span, bars.channels_last);
    }
  }

 private:
  std::filesystem::path place(const std::string& name) const { return directory_.path() / name; }
  compile::CompileReport compile(const compile::Graph& graph, const std::string& name, int level) {
    return compile::compile(graph, place(name),
                            {.opt_level = level, .progress = [&](const std::string&, double) {
                               context_.stop.check("compiling");
                             }});
  }

  // Layers in bytes. Random weights and noise say what it costs, not how accurate it is.
  void run_bytes(compile::CompiledModel& model, int turns, double span) {
    const compile::Graph optimized = compile::optimize(graph_);
    std::vector<compile::Sample> samples;
    for (int i = 0; i < 4; ++i) samples.push_back({torch::randn_like(network_.example)});
    const compile::Quantized bytes =
        compile::quantize_model(optimized, samples, [](const compile::Graph&) { return 0.0; });
    compile(bytes.graph, "int8", 3);
    compile::CompiledModel quantized(place("int8"), 1);
    const auto times =
        take_turns({[&] { model({network_.example}); }, [&] { quantized({network_.example}); }}, turns, span,
                   context_.stop);
    row("f32 / int8", median(times[1]), median_ratio(times[0], times[1]),
        network_.name == "resnet18" ? std::optional<Bar>(Bar{.least = 2.2}) : std::nullopt);
    exact_row("multiply-adds in bytes", bytes.share,
              network_.name == "resnet18" ? std::optional<Bar>(Bar{.least = 0.9}) : std::nullopt);
  }

  // The same module with its weights in channels-last order.
  void run_channels_last(compile::CompiledModel& model, int turns, double span, std::optional<Bar> bar) {
    for (torch::Tensor& parameter : network_.module->parameters())
      if (parameter.dim() == 4) parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    const torch::Tensor example = network_.example.contiguous(at::MemoryFormat::ChannelsLast);
    const auto times = take_turns({[&] { model({network_.example}); }, [&] { network_.forward(example); }},
                                  turns, span, context_.stop);
    row("eager, channels last / compiled", median(times[1]), median_ratio(times[1], times[0]), bar);
  }

  void row(const std::string& metric, std::optional<double> baseline, double measured,
           std::optional<Bar> bar) {
    result_.rows.push_back({.metric = network_.name + ": " + metric,
                            .paper = {},
                            .baseline = baseline,
                            .measured = measured,
                            .bar = bar,
                            .timing = true});
  }
  void exact_row(const std::string& metric, double measured, std::optional<Bar> bar) {
    row(metric, {}, measured, bar);
    result_.rows.back().timing = false;
  }

  TvmNetwork network_;
  const StudyContext& context_;
  StudyResult& result_;
  const core::TemporaryDirectory directory_;
  compile::Graph graph_;
};

StudyResult run(const StudyContext& context) {
  StudyResult result;
  if (!compile::has_code_generator()) {
    result.notes.push_back("This build has no Halide: nothing was compiled.");
    return result;
  }
  const torch::NoGradGuard no_grad;
  torch::manual_seed(context.seed.value());
  train::set_compute_threads(1);
  const bool smoke = context.scale == pipeline::Scale::smoke;
  Comparison(lenet(), context, result)
      .run({.eager = Bar{.least = 3}, .channels_last = {}, .fusion = {}}, smoke);
  if (!smoke) {
    Comparison(resnet18(), context, result)
        .run({.eager = Bar{.least = 1.4}, .channels_last = {}, .fusion = Bar{.least = 1.15}}, smoke);
    Comparison(mobilenet_v2(), context, result)
        .run({.eager = Bar{.least = 2}, .channels_last = Bar{.least = 1.5}, .fusion = Bar{.least = 1.5}},
             smoke);
  }
  result.notes.push_back(
      "Target " + compile::target("host").name +
      ", one thread, one example, built-in choices of kernels. Baselines are milliseconds. "
      "bench/peers/compile.py compares with other engines.");
  return result;
}

const bool registered = pipeline::register_study({
    .name = "tvm",
    .title = "Compiled networks",
    .paper = "Chen et al., OSDI 2018, arXiv 1802.04799",
    .claim =
        "Graph rewriting and generated kernels run networks 1.2 to 3.8 times faster than a framework with "
        "vendor libraries.",
    .module = "compile",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies
