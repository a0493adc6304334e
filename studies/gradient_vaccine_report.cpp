#include "studies/gradient_vaccine_report.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/math/rank.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using pipeline::Bar;
using pipeline::StudyResult;

struct Estimate {
  double mean = 0, half_width = 0;  // of the 95 % interval of Student's t over the seeds
};

Estimate estimate(const std::vector<double>& values) {
  constexpr double kStudent[] = {0, 12.706, 4.303, 3.182, 2.776};  // by degrees of freedom
  const auto n = static_cast<double>(values.size());
  double squares = 0;
  for (double value : values) squares += (value - mean(values)) * (value - mean(values));
  return {mean(values), kStudent[values.size() - 1] * std::sqrt(squares / (n - 1) / n)};
}

using Number = std::function<double(size_t seed, const Outcome&)>;

std::vector<double> over_seeds(const Measured& measured, const Number& number) {
  std::vector<double> values;
  for (size_t s = 0; s < measured.seeds.size(); ++s) values.push_back(number(s, measured.seeds[s]));
  return values;
}

std::vector<double> minus(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] -= b[i];
  return a;
}

core::Chart similarity_map(const Results& results, int64_t component) {
  const Corpus& corpus = results.corpora.front();
  const evaluate::SimilarityReport& report = *results.methods[kSum].seeds.front().similarity;
  std::vector<std::vector<double>> values;
  for (size_t i = 0; i < corpus.num_languages(); ++i) {
    values.emplace_back();
    for (size_t j = 0; j < corpus.num_languages(); ++j)
      values.back().push_back(
          i == j ? NAN
                 : report.cosine[component][static_cast<int64_t>(i)][static_cast<int64_t>(j)].item<double>());
  }
  return core::heat_map({.title = fmt::format("Mean cosine of the gradients of two languages: {}",
                                              report.components[static_cast<size_t>(component)]),
                         .x_label = "language (path in the tree)",
                         .y_label = "language"},
                        corpus.tasks.names, corpus.tasks.names, values);
}

core::Chart distance_scatter(const Results& results) {
  const Corpus& corpus = results.corpora.front();
  const evaluate::SimilarityReport& report = *results.methods[kSum].seeds.front().similarity;
  std::vector<core::Series> series;
  for (size_t k = 0; k < report.components.size(); ++k) {
    series.push_back({.name = report.components[k], .x = {}, .y = {}});
    for (int64_t i = 0; i < corpus.distance.size(0); ++i)
      for (int64_t j = i + 1; j < corpus.distance.size(0); ++j) {
        series.back().x.push_back(corpus.distance[i][j].item<double>());
        series.back().y.push_back(report.cosine[static_cast<int64_t>(k)][i][j].item<double>());
      }
  }
  return core::scatter_chart({.title = "Gradients of two languages against their distance",
                              .x_label = "share of words that are no cognates",
                              .y_label = "mean cosine"},
                             series);
}

// Spearman's correlation over languages: similarity with the other languages, and BLEU of sum − single task.
double gain_correlation(const Results& results, size_t seed, int64_t component) {
  const torch::Tensor cosine = results.methods[kSum].seeds[seed].similarity->cosine[component];
  std::vector<double> similarity;
  for (int64_t i = 0; i < cosine.size(0); ++i)
    similarity.push_back((cosine[i].sum() - cosine[i][i]).item<double>());
  return math::spearman(similarity, minus(results.methods[kSum].seeds[seed].test,
                                          results.methods[kSingle].seeds[seed].test))
      .value;
}

core::Chart bleu_chart(const Results& results) {
  std::vector<std::string> names;
  std::vector<double> values;
  for (const Measured& measured : results.methods) {
    names.push_back(measured.method.name);
    values.push_back(mean(over_seeds(measured, [](size_t, const Outcome& o) { return mean(o.test); })));
  }
  return core::bar_chart({.title = "Translation into English: mean BLEU of 8 languages", .x_label = "BLEU"},
                         names, values);
}

}  // namespace

void report_similarity(const Results& results, StudyResult& result) {
  const Measured& sum = results.methods[kSum];
  const std::vector<std::string>& components = sum.seeds.front().similarity->components;
  for (size_t k = 0; k < components.size(); ++k) {
    const auto component = static_cast<int64_t>(k);
    std::vector<double> values, negative;
    for (size_t s = 0; s < sum.seeds.size(); ++s) {
      values.push_back(
          evaluate::closeness(sum.seeds[s].similarity->cosine[component], results.corpora[s].distance).value);
      negative.push_back(sum.seeds[s].similarity->negative[k]);
    }
    pipeline::StudyRow row = {
        .metric = fmt::format("{}: Spearman(cosine, −distance), parallel batch", components[k]),
        .paper = {},
        .baseline = {},
        .measured = mean(values),
        .bar = {}};
    if (components[k] == "source_embedding") row.bar = Bar{.least = 0.6};
    if (components[k].rfind("encoder", 0) == 0) row.bar = Bar{.least = 1e-9};
    result.rows.push_back(std::move(row));
    result.rows.push_back(
        {.metric = fmt::format("{}: share of negative cosines, parallel batch", components[k]),
         .paper = {},
         .baseline = {},
         .measured = mean(negative),
         .bar = {}});
  }
  std::vector<double> gains;
  for (size_t s = 0; s < sum.seeds.size(); ++s) gains.push_back(gain_correlation(results, s, 0));
  result.rows.push_back(
      {.metric = "source_embedding: Spearman(mean cosine of a language, BLEU of sum − single task)",
       .paper = {},
       .baseline = {},
       .measured = mean(gains),
       .bar = {}});
  result.charts.push_back(similarity_map(results, 0));
  result.charts.push_back(similarity_map(results, 1));
  result.charts.push_back(distance_scatter(results));
}

void report_translation(const Results& results, StudyResult& result) {
  const auto mean_bleu = [](size_t, const Outcome& o) { return mean(o.test); };
  const auto low_bleu = [&](size_t s, const Outcome& o) {
    return low_resource_mean(results.corpora[s], o.test);
  };
  const Measured& sum = results.methods[kSum];
  for (const auto& [what, number] : std::vector<std::pair<std::string, Number>>{
           {"8 languages", mean_bleu}, {"the 4 small ones", low_bleu}}) {
    const std::vector<double> baseline = over_seeds(sum, number);
    result.rows.push_back({.metric = "BLEU, sum, " + what + " (baseline: single task)",
                           .paper = {},
                           .baseline = mean(over_seeds(results.methods[kSingle], number)),
                           .measured = mean(baseline),
                           .bar = {}});
    for (size_t m = kPcgrad; m < results.methods.size(); ++m) {
      const Estimate gain = estimate(minus(over_seeds(results.methods[m], number), baseline));
      pipeline::StudyRow row = {.metric = fmt::format("BLEU, {} − sum, {} (± {:.2f})",
                                                      results.methods[m].method.name, what, gain.half_width),
                                .paper = {},
                                .baseline = mean(baseline),
                                .measured = gain.mean,
                                .bar = {}};
      if (m == kLayer && what == "8 languages") row.bar = Bar{.least = -0.4};
      result.rows.push_back(std::move(row));
    }
  }
  const auto triggers = [&](size_t m) {
    return mean(over_seeds(results.methods[m], [](size_t, const Outcome& o) { return o.trigger_rate; }));
  };
  result.rows.push_back(
      {.metric = "share of pairs changed, PCGrad / GradVac, whole model (baseline: GradVac)",
       .paper = {},
       .baseline = triggers(kWhole),
       .measured = triggers(kPcgrad) / triggers(kWhole),
       .bar = Bar{.most = std::nextafter(1.0, 0.0)}});
  for (size_t m : {kLayer, kTensor})
    result.rows.push_back(
        {.metric = fmt::format("share of pairs changed, {}", results.methods[m].method.name),
         .paper = {},
         .baseline = {},
         .measured = triggers(m),
         .bar = {}});
  result.charts.push_back(bleu_chart(results));
  std::string rates;
  for (const Measured& measured : results.methods)
    rates += fmt::format("{}{} {:g}", rates.empty() ? "" : ", ", measured.method.name, measured.rate);
  result.notes.push_back("Learning rates of translation, chosen by the first seed's held-out BLEU: " + rates +
                         ".");
}

void report_tagging(const std::vector<Tagging>& taggings, StudyResult& result) {
  const Tagging& sum = taggings.front();
  for (size_t m = 1; m < taggings.size(); ++m) {
    const Estimate other = estimate(minus(taggings[m].other, sum.other)),
                   trained = estimate(minus(taggings[m].trained, sum.trained));
    result.rows.push_back(
        {.metric = fmt::format("supersenses, 6 languages without labels: {} − sum, points (± {:.2f})",
                               taggings[m].method, other.half_width),
         .paper = {},
         .baseline = mean(sum.other),
         .measured = other.mean,
         .bar = {}});
    result.rows.push_back(
        {.metric = fmt::format("supersenses, the 2 languages with labels: {} − sum, points (± {:.2f})",
                               taggings[m].method, trained.half_width),
         .paper = {},
         .baseline = mean(sum.trained),
         .measured = trained.mean,
         .bar = {}});
  }
}

}  // namespace lathe::studies::gradient_vaccine
