// Prediction sets: what coverage they have, how large and how adaptive they are.
#include <array>
#include <cstdlib>
#include <filesystem>

#include "lathe/core/error.h"
#include "lathe/core/progress.h"
#include "lathe/evaluate/conformal/synthetic.h"
#include "lathe/pipeline/study.h"
#include "studies/conformal_pools.h"
#include "studies/conformal_report.h"

namespace lathe::studies::conformal {
namespace {

namespace fs = std::filesystem;
using core::Seed;
using evaluate::conformal::Method;
using pipeline::Scale;
using pipeline::StudyContext;
using pipeline::StudyResult;

constexpr std::array<double, 2> kAlphas = {0.05, 0.1};
constexpr double kPaperAlpha = 0.1;
constexpr const char* kDirectoryVariable = "LATHE_IMAGENET_LOGITS";

Comparison compare(const std::string& pool, const Pools& pools, double alpha,
                   const std::vector<Variant>& variants, const SplitPlan& plan, const StudyContext& context) {
  Comparison comparison{.pool = pool, .alpha = alpha, .variants = variants};
  for (const Variant& variant : variants) {
    Options options = variant.options;
    options.alpha = alpha;
    comparison.summaries.push_back(
        measure(pools, options, plan, context.seed.stream("splits"), context.stop));
  }
  return comparison;
}

Comparison compare(const Pool& pool, double alpha, const SplitPlan& plan, const StudyContext& context) {
  return compare(pool.name, {pool.examples, pool.examples}, alpha, published_variants(), plan, context);
}

// Probabilities as the logits give them, λ and k_reg fixed: numbers that can be computed.
void add_synthetic(const StudyContext& context, StudyResult& result) {
  const SplitPlan plan = {.num_splits = 10};
  const Examples examples = evaluate::conformal::synthetic_logits(plan.num_calibration + plan.num_evaluation,
                                                                  context.seed.stream("synthetic"));
  std::vector<Variant> variants = {{kTopK, {.method = Method::kTopK}},
                                   {kAps, {.method = Method::kAps}},
                                   {kRaps, {.method = Method::kRaps, .k_reg = 5, .lambda = 0.1}},
                                   {kLac, {.method = Method::kLac}}};
  for (Variant& variant : variants) variant.options.temperature = 1;
  Report(result).synthetic_sizes(
      compare("synthetic logits", {examples, examples}, kPaperAlpha, variants, plan, context));
}

SizeTable size_table(const Pool& pool, SplitPlan plan, const StudyContext& context) {
  plan.num_splits = 10;
  SizeTable table{.pool = pool.name,
                  .alpha = kPaperAlpha,
                  .lambdas = {1e-4, 1e-3, 1e-2, 0.1, 0.5, 1},
                  .k_regs = {1, 2, 5, 10, 50}};
  for (double lambda : table.lambdas) {
    table.sizes.emplace_back();
    for (int64_t k_reg : table.k_regs) {
      const Options options = {.alpha = table.alpha, .k_reg = k_reg, .lambda = lambda};
      table.sizes.back().push_back(
          measure({pool.examples, pool.examples}, options, plan, context.seed.stream("splits"), context.stop)
              .size);
    }
  }
  return table;
}

// All that is reported of a problem with many classes.
std::vector<Comparison> add_large_problem(const Pool& pool, const SplitPlan& plan, const Published& published,
                                          const StudyContext& context, StudyResult& result) {
  Report report(result);
  std::vector<Comparison> comparisons;
  for (double alpha : kAlphas) {
    const Comparison& c = comparisons.emplace_back(compare(pool, alpha, plan, context));
    report.coverage_and_size(c, alpha == kPaperAlpha ? published : Published());
    report.size_ratios(c);
    report.size_stratified_violations(c);
  }
  report.by_difficulty(comparisons.back());
  report.by_size(comparisons.back());
  report.size_table(size_table(pool, plan, context));
  return comparisons;
}

void add_shift(const Pool& usual, const Pool& shifted, const SplitPlan& plan, const Published& published,
               const StudyContext& context, StudyResult& result) {
  const auto on_shift = [&](const Pool& calibration) {
    return compare(shifted.name, {calibration.examples, shifted.examples}, kPaperAlpha, published_variants(),
                   plan, context);
  };
  Report(result).shift(on_shift(usual), on_shift(shifted), published);
}

StudyResult smoke(const StudyContext& context) {
  StudyResult result;
  add_synthetic(context, result);
  return result;
}

StudyResult desk(const StudyContext& context) {
  StudyResult result;
  add_synthetic(context, result);

  const SplitPlan fashion_plan = {.num_calibration = 5000, .num_evaluation = 5000};
  const Pool fashion = fashion_pool(context.seed, context.stop);
  std::vector<Comparison> comparisons;
  for (double alpha : kAlphas) {
    comparisons.push_back(compare(fashion, alpha, fashion_plan, context));
    Report(result).coverage_and_size(comparisons.back());
  }
  const GlyphPools glyphs = glyph_pools(context.seed, context.stop);
  for (Comparison& c : add_large_problem(glyphs.usual, {}, {}, context, result))
    comparisons.push_back(std::move(c));
  Report(result).naive_coverage(comparisons);
  add_shift(glyphs.usual, glyphs.shifted, {}, {}, context, result);
  result.notes = {
      fmt::format(
          "Accuracy of the two CNNs: Fashion-MNIST {:.1f} %, glyph-1000 {:.1f} %. Test images train and "
          "choose nothing; 100 times they are split at random into halves that calibrate and evaluate.",
          100 * comparisons.front().of(kAps).accuracy, 100 * comparisons.back().of(kAps).accuracy),
      "No test image of glyph-1000 is in a font face of the training images. Calibration and "
      "evaluation share their faces, as exchangeability asks; by face they would be a shift. glyph-"
      "shift shows the same letters in the same faces, more distorted.",
      "Synthetic logits are taken at T = 1 with fixed λ and k_reg, in 10 splits, as is the table of λ "
      "and k_reg. In all else T, λ and k_reg come from 30 % of the calibration examples. SSCV is the "
      "mean over splits.",
      "Paper: ResNet-152 on ImageNet, α = 0.1. Where a model's probabilities have no long tail, APS "
      "sets are small already and RAPS has less to cut off."};
  return result;
}

struct ImageNetModel {
  const char *name, *file;
  Published published;
};

// Angelopoulos et al.: ImageNet-val, α = 0.1.
std::vector<ImageNetModel> imagenet_models() {
  return {{"ResNet-152",
           "resnet152",
           {{{kTopK, 2.64}, {kNaive, 9.68}, {kAps, 10.4}, {kRaps, 2.09}, {kLac, 1.76}}, 0.894}},
          {"ResNet-18",
           "resnet18",
           {{{kTopK, 5.74}, {kNaive, 15.3}, {kAps, 16.1}, {kRaps, 4.38}, {kLac, 3.64}}, {}}},
          {"Inception", "inception", {{{kAps, 88.8}, {kRaps, 5.24}}, {}}}};
}

StudyResult paper(const StudyContext& context) {
  const char* variable = std::getenv(kDirectoryVariable);
  if (!variable)
    throw InputError(
        "the paper scale needs ImageNet's logits: set {} to a directory with labels.npy and one or more of "
        "resnet152.npy, resnet18.npy, inception.npy (and labels-v2.npy, resnet152-v2.npy for the shift)",
        kDirectoryVariable);
  const fs::path directory = variable;
  StudyResult result;
  std::vector<Comparison> comparisons;
  for (const ImageNetModel& model : imagenet_models()) {
    const fs::path logits = directory / fmt::format("{}.npy", model.file);
    if (!fs::exists(logits)) continue;
    const Pool pool = stored_pool(model.name, logits, directory / "labels.npy");
    for (Comparison& c : add_large_problem(pool, {}, model.published, context, result))
      comparisons.push_back(std::move(c));
    const fs::path shifted = directory / fmt::format("{}-v2.npy", model.file);
    if (!fs::exists(shifted)) continue;
    const SplitPlan plan = {.num_calibration = 5000, .num_evaluation = 5000};  // paper, §3.2
    add_shift(
        pool, stored_pool(fmt::format("{}, ImageNet-V2", model.name), shifted, directory / "labels-v2.npy"),
        plan,
        model.file == std::string("resnet152") ? Published{{{kAps, 27.2}, {kRaps, 5.69}}, {}} : Published(),
        context, result);
  }
  if (comparisons.empty())
    throw InputError("{} ({}) holds none of resnet152.npy, resnet18.npy, inception.npy", directory.string(),
                     kDirectoryVariable);
  Report(result).naive_coverage(comparisons);
  return result;
}

StudyResult run(const StudyContext& context) {
  const core::QuietProgress quiet;
  if (context.scale == Scale::smoke) return smoke(context);
  return context.scale == Scale::desk ? desk(context) : paper(context);
}

const bool registered = pipeline::register_study({
    .name = "conformal",
    .title = "Conformal prediction sets",
    .paper = "Angelopoulos, Bates, Malik & Jordan, ICLR 2021, arXiv 2009.14193",
    .claim =
        "Conformal sets have exactly the coverage that is asked for, which naive sets miss; regularised ones "
        "(RAPS) are several times smaller than APS and more adaptive than a threshold.",
    .module = "train",
    .run = run,
});

}  // namespace
}  // namespace lathe::studies::conformal
