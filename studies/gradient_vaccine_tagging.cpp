#include "studies/gradient_vaccine_tagging.h"

#include <torch/torch.h>

#include <algorithm>
#include <limits>

#include "lathe/data/wordnet.h"
#include "lathe/nn/initialization.h"
#include "studies/label_noise.h"
#include "studies/side_by_side.h"

namespace lathe::studies::gradient_vaccine {
namespace {

using core::Seed;

// The mean of the encoder's outputs over the words, then one linear layer.
class Tagger : public nn::Model {
 public:
  Tagger(const nn::Translator& trained, Seed seed) : length_(trained.options().source_length) {
    translator_ = register_module("translator", std::make_shared<nn::Translator>(trained.options()));
    head_ = register_module("head", torch::nn::Linear(trained.options().layers.width, data::kNumSupersenses));
    const torch::NoGradGuard no_grad;
    const auto from = trained.parameters(), to = translator_->parameters();
    for (size_t i = 0; i < from.size(); ++i) to[i].copy_(from[i]);
    nn::uniform_fan_in(head_->weight, seed);
    head_->bias.zero_();
  }
  torch::Tensor forward(torch::Tensor inputs) override {
    const torch::Tensor source = inputs.slice(1, 0, length_);
    const torch::Tensor words = source.ne(data::kPadding).to(torch::kFloat32).unsqueeze(2);
    return head_->forward((translator_->encode(source) * words).sum(1) / words.sum(1));
  }

 private:
  int64_t length_;
  std::shared_ptr<nn::Translator> translator_;
  torch::nn::Linear head_{nullptr};
};

// The two languages with most sentences.
std::vector<size_t> labelled_languages(const Corpus& corpus) {
  std::vector<size_t> order(corpus.num_languages());
  for (size_t t = 0; t < order.size(); ++t) order[t] = t;
  std::sort(order.begin(), order.end(),
            [&](size_t a, size_t b) { return corpus.sizes[a] > corpus.sizes[b]; });
  return {order[0], order[1]};
}

struct Score {
  double holdout = 0, trained = 0, other = 0;
};

Score tag(const Corpus& corpus, const nn::Translator& translator, const Method& method, double rate,
          const TaggingBudget& budget, Seed seed, const core::StopToken& stop) {
  const std::vector<size_t> labelled = labelled_languages(corpus);
  data::Dataset train;
  data::Tasks tasks;
  std::vector<torch::Tensor> inputs, targets, of_example;
  for (size_t t : labelled) {
    const data::Dataset part = corpus.training_part(t);
    of_example.push_back(torch::full({part.size()}, static_cast<int64_t>(tasks.names.size()), torch::kInt64));
    inputs.push_back(part.inputs);
    targets.push_back(part.targets);
    tasks.names.push_back(corpus.languages[t].name());
  }
  train = {.inputs = torch::cat(inputs), .targets = torch::cat(targets), .schema = corpus.train.schema};
  tasks.of_example = torch::cat(of_example);

  auto model = std::make_shared<Tagger>(translator, seed.stream("head"));
  optim::GradVacOptions options = *method.options;
  options.seed = seed.stream("order").value();
  auto rule = optim::make_step(model->parameters(), adam(rate),
                               {.combine = std::make_shared<optim::GradVac>(*model, tasks.names, options)});
  train::Trainer trainer(model, std::move(rule),
                         {.steps = budget.steps,
                          .batch_size = 2 * budget.batch,
                          .schedule = {.kind = "one-cycle", .warmup = 0.2, .end = 0.05}},
                         seed.stream("training"));
  trainer.set_tasks(tasks, std::numeric_limits<double>::infinity());
  trainer.fit(train, {}, {}, stop);

  Score score;
  const double others = static_cast<double>(corpus.num_languages() - labelled.size());
  const auto right = [&](const Corpus::Part& part, size_t t) {
    return percent_right(nn::predict(*model, part.rows[t]), part.senses);
  };
  for (size_t t = 0; t < corpus.num_languages(); ++t) {
    if (t == labelled[0] || t == labelled[1]) {
      score.holdout += right(corpus.holdout, t) / 2;
      score.trained += right(corpus.test, t) / 2;
    } else {
      score.other += right(corpus.test, t) / others;
    }
  }
  return score;
}

}  // namespace

std::vector<Tagging> tune_and_tag(const Results& results, const TaggingBudget& budget,
                                  const std::vector<double>& rates, Seed seed, const core::StopToken& stop) {
  const std::vector<size_t> methods = {kSum, kPcgrad, kLayer};
  const size_t num_seeds = results.corpora.size();
  const auto tag_seed = [&](size_t method, double rate, size_t s) {
    return tag(results.corpora[s], *results.methods[kSum].seeds[s].model, results.methods[method].method,
               rate, budget, seed.stream("tagging").stream(s), stop);
  };
  std::vector<Score> tried(methods.size() * rates.size());
  run_side_by_side(tried.size(), [&](size_t i) {
    tried[i] = tag_seed(methods[i / rates.size()], rates[i % rates.size()], 0);
  });
  std::vector<Tagging> taggings(methods.size());
  std::vector<std::vector<Score>> scores(methods.size(), std::vector<Score>(num_seeds));
  for (size_t m = 0; m < methods.size(); ++m) {
    const auto first = tried.begin() + static_cast<int64_t>(m * rates.size());
    const auto best = std::max_element(first, first + static_cast<int64_t>(rates.size()),
                                       [](const Score& a, const Score& b) { return a.holdout < b.holdout; });
    taggings[m].method = results.methods[methods[m]].method.name;
    taggings[m].rate = rates[static_cast<size_t>(best - first)];
    scores[m][0] = *best;
  }
  run_side_by_side(methods.size() * (num_seeds - 1), [&](size_t i) {
    const size_t m = i % methods.size(), s = 1 + i / methods.size();
    scores[m][s] = tag_seed(methods[m], taggings[m].rate, s);
  });
  for (size_t m = 0; m < methods.size(); ++m)
    for (const Score& score : scores[m]) {
      taggings[m].trained.push_back(score.trained);
      taggings[m].other.push_back(score.other);
    }
  return taggings;
}

}  // namespace lathe::studies::gradient_vaccine
