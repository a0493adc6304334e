#include "studies/gradient_vaccine_runs.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>
#include <numeric>

#include "lathe/core/error.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;
using optim::ComponentKind;
using optim::MultitaskMethod;

std::shared_ptr<nn::Translator> new_translator(const Corpus& corpus, Seed seed) {
  auto model = std::make_shared<nn::Translator>(translator_options(corpus));
  model->initialize(seed);
  return model;
}

torch::Tensor translation_loss(nn::Model& model, const data::Batch& batch) {
  return nn::next_word_loss(model.forward(batch.inputs), batch.inputs);
}

double bleu_percent(nn::Translator& model, const Corpus& corpus, const Corpus::Part& part, size_t language) {
  const torch::Tensor words =
      model.translate(part.rows[language].slice(1, 0, corpus.source_length), corpus.source_length + 1);
  evaluate::BleuCounts counts;
  for (size_t i = 0; i < part.english.size(); ++i) {
    const int64_t* word = words[static_cast<int64_t>(i)].data_ptr<int64_t>();
    data::Sentence translation;
    for (int64_t t = 0; t < words.size(1) && word[t] != data::kPadding; ++t)
      translation.push_back(corpus.target.word(word[t]));
    counts.add(evaluate::bleu_counts(translation, part.english[i]));
  }
  return 100 * evaluate::bleu(counts);
}

// The gradients of all languages on the same sentences, at the model's present parameters.
torch::Tensor parallel_gradients(nn::Translator& model, const Corpus& corpus) {
  const nn::EvaluationMode evaluation(model);
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& rows : corpus.parallel.rows) {
    model.zero_grad();
    nn::next_word_loss(model.forward(rows), rows).backward();
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& parameter : model.parameters())
      parts.push_back(parameter.grad().defined() ? parameter.grad().flatten().clone()
                                                 : torch::zeros({parameter.numel()}));
    gradients.push_back(torch::cat(parts));
  }
  return torch::stack(gradients);
}

train::TrainOptions train_options(const Budget& budget, size_t num_tasks) {
  return {.steps = budget.steps,
          .batch_size = budget.batch * static_cast<int64_t>(num_tasks),
          .schedule = {.kind = "one-cycle", .warmup = 0.2, .end = 0.05}};
}

Outcome run_single(const Corpus& corpus, double rate, const Budget& budget, Seed seed,
                   const core::StopToken& stop) {
  Outcome outcome;
  for (size_t t = 0; t < corpus.num_languages(); ++t) {
    auto model = new_translator(corpus, seed.stream("model"));
    train::Trainer trainer(model, optim::make_step(model->parameters(), adam(rate)), train_options(budget, 1),
                           seed.stream("training").stream(t));
    trainer.set_objective(translation_loss);
    trainer.fit(corpus.training_part(t), {}, {}, stop);
    outcome.holdout.push_back(bleu_percent(*model, corpus, corpus.holdout, t));
    outcome.test.push_back(bleu_percent(*model, corpus, corpus.test, t));
  }
  return outcome;
}

Outcome run_joint(const Corpus& corpus, const Method& method, double rate, const Budget& budget, Seed seed,
                  const core::StopToken& stop) {
  auto model = new_translator(corpus, seed.stream("model"));
  optim::GradVacOptions options = *method.options;
  options.seed = seed.stream("order").value();
  auto rule =
      optim::make_step(model->parameters(), adam(rate),
                       {.combine = std::make_shared<optim::GradVac>(*model, corpus.tasks.names, options)});
  train::Trainer trainer(model, std::move(rule), train_options(budget, corpus.num_languages()),
                         seed.stream("training"));
  trainer.set_objective(translation_loss);
  trainer.set_tasks(corpus.tasks, std::numeric_limits<double>::infinity());
  evaluate::GradientSimilarity similarity(static_cast<int64_t>(corpus.num_languages()),
                                          translator_parts(*model));
  const bool observed = options.method == MultitaskMethod::sum;
  Outcome outcome;
  train::Hooks hooks;
  hooks.after_step = [&](int64_t step, const optim::StepReport& report) {
    outcome.trigger_rate += report.metrics.at("trigger_rate") / static_cast<double>(budget.steps);
    outcome.cosine += report.metrics.at("task_cosine") / static_cast<double>(budget.steps);
    if (observed && step % budget.similarity_every == 0)
      similarity.observe(parallel_gradients(*model, corpus));
  };
  trainer.fit(corpus.train, {}, {}, stop, hooks);
  if (observed) outcome.similarity = similarity.report();
  for (size_t t = 0; t < corpus.num_languages(); ++t) {
    outcome.holdout.push_back(bleu_percent(*model, corpus, corpus.holdout, t));
    outcome.test.push_back(bleu_percent(*model, corpus, corpus.test, t));
  }
  outcome.model = std::move(model);
  return outcome;
}

}  // namespace

std::vector<Method> all_methods() {
  const auto gradvac = [](ComponentKind kind) {
    return optim::GradVacOptions{.method = MultitaskMethod::gradvac, .components = kind};
  };
  return {{"single task", {}},
          {"sum",
           optim::GradVacOptions{.method = MultitaskMethod::sum, .components = ComponentKind::whole_model}},
          {"PCGrad", optim::GradVacOptions{.method = MultitaskMethod::pcgrad,
                                           .components = ComponentKind::whole_model}},
          {"GradVac, whole model", gradvac(ComponentKind::whole_model)},
          {"GradVac, layer", gradvac(ComponentKind::layer)},
          {"GradVac, tensor", gradvac(ComponentKind::tensor)}};
}

nn::TranslatorOptions translator_options(const Corpus& corpus) {
  return {.num_source_words = corpus.source.size(),
          .num_target_words = corpus.target.size(),
          .source_length = corpus.source_length,
          .layers = {.width = 48, .num_heads = 4, .feed_forward = 96}};
}

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double low_resource_mean(const Corpus& corpus, const std::vector<double>& of_languages) {
  std::vector<double> low;
  for (size_t t = 0; t < of_languages.size(); ++t)
    if (corpus.low_resource(t)) low.push_back(of_languages[t]);
  return mean(low);
}

optim::OptimizerOptions adam(double rate) {
  return {.kind = "adam", .lr = rate, .weight_decay = 0};
}

Outcome run(const Corpus& corpus, const Method& method, double rate, const Budget& budget, Seed seed,
            const core::StopToken& stop) {
  return method.options ? run_joint(corpus, method, rate, budget, seed, stop)
                        : run_single(corpus, rate, budget, seed, stop);
}

std::vector<evaluate::GradientComponent> translator_parts(const nn::Translator& model) {
  std::vector<std::string> names = {"source_embedding", "target_embedding"};
  for (int64_t i = 0; i < model.options().encoder_layers; ++i) names.push_back(fmt::format("encoder{}", i));
  for (int64_t i = 0; i < model.options().decoder_layers; ++i) names.push_back(fmt::format("decoder{}", i));
  std::vector<evaluate::GradientComponent> parts;
  int64_t column = 0;
  for (const auto& item : model.named_parameters()) {
    const std::string module = item.key().substr(0, item.key().find('.'));
    const int64_t end = column + item.value().numel();
    if (std::find(names.begin(), names.end(), module) != names.end()) {
      if (parts.empty() || parts.back().name != module) parts.push_back({module, column, end});
      parts.back().end = end;
    }
    column = end;
  }
  return parts;
}

Results tune_and_train(const CorpusOptions& options, const Budget& budget, uint64_t num_seeds,
                       const std::vector<double>& rates, Seed seed, const core::StopToken& stop) {
  Results results;
  for (uint64_t s = 0; s < num_seeds; ++s)
    results.corpora.push_back(make_corpus(options, seed.stream("corpus").stream(s)));
  const std::vector<Method> methods = all_methods();
  const auto run_seed = [&](const Method& method, double rate, uint64_t s) {
    return run(results.corpora[s], method, rate, budget, seed.stream("run").stream(s), stop);
  };

  std::vector<Outcome> tried(methods.size() * rates.size());
  run_side_by_side(tried.size(), [&](size_t i) {
    tried[i] = run_seed(methods[i / rates.size()], rates[i % rates.size()], 0);
  });
  for (size_t m = 0; m < methods.size(); ++m) {
    Measured measured{.method = methods[m]};
    size_t best = 0;
    for (size_t r = 0; r < rates.size(); ++r) {
      const double bleu = mean(tried[m * rates.size() + r].holdout);
      measured.tried[rates[r]] = bleu;
      if (bleu > mean(tried[m * rates.size() + best].holdout)) best = r;
    }
    measured.rate = rates[best];
    measured.seeds.resize(num_seeds);
    measured.seeds[0] = std::move(tried[m * rates.size() + best]);
    results.methods.push_back(std::move(measured));
  }
  run_side_by_side(methods.size() * (num_seeds - 1), [&](size_t i) {
    Measured& measured = results.methods[i % methods.size()];
    const uint64_t s = 1 + i / methods.size();
    measured.seeds[s] = run_seed(measured.method, measured.rate, s);
  });
  return results;
}

}  // namespace lathe::studies::gradient_vaccine
