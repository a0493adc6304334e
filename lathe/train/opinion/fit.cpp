#include "lathe/train/opinion/fit.h"

#include <fmt/ranges.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/train/invariance/group_dro.h"
#include "lathe/train/opinion/examples.h"

namespace lathe::train::opinion {
namespace {

constexpr int64_t kPredictedAtOnce = 8192;

const std::vector<std::pair<Kind, const char*>>& names() {
  static const std::vector<std::pair<Kind, const char*>> kNames = {
      {Kind::prior, "prior"}, {Kind::own_prior, "own-prior"}, {Kind::majority, "majority"},
      {Kind::all, "all"},     {Kind::soft, "soft"},           {Kind::dawid_skene, "dawid-skene"},
      {Kind::group, "group"}, {Kind::person, "person"},       {Kind::heads, "heads"},
      {Kind::crowd, "crowd"}};
  return kNames;
}

Person person_of(Kind kind) {
  switch (kind) {
    case Kind::group:
      return Person::attribute;
    case Kind::person:
      return Person::own;
    case Kind::heads:
      return Person::heads;
    case Kind::crowd:
      return Person::crowd;
    default:
      return Person::none;
  }
}

void check(const FitOptions& options) {
  for (const auto& [name, value] : {std::pair("l2", options.l2), {"own_l2", options.own_l2}})
    if (!(value >= 0 && std::isfinite(value)))
      throw InputError("opinion model: {} must not be negative, got {}", name, value);
  for (const auto& [name, value] :
       {std::pair("learning_rate", options.learning_rate), {"dro_rate", options.dro_rate}})
    if (!(value > 0 && std::isfinite(value)))
      throw InputError("opinion model: {} must be positive, got {}", name, value);
  for (const auto& [name, value] : {std::pair("batch_size", options.batch_size),
                                    {"max_epochs", options.max_epochs},
                                    {"patience", options.patience}})
    if (value < 1) throw InputError("opinion model: {} must be positive, got {}", name, value);
  if (options.rank < 0) throw InputError("opinion model: rank must not be negative, got {}", options.rank);
  if (!(options.holdout >= 0 && options.holdout < 1))
    throw InputError("opinion model: holdout must lie in [0, 1), got {}", options.holdout);
}

torch::Tensor logits(OpinionNetwork& network, const OpinionInputs& inputs, const torch::Tensor& item,
                     const torch::Tensor& annotator) {
  const auto [items, row, counts] = torch::unique_consecutive(item, /*return_inverse=*/true);
  return network.forward(inputs.features.index_select(0, items), row, annotator,
                         inputs.attributes.index_select(0, annotator));
}

class Training {
 public:
  Training(const OpinionInputs& inputs, const Examples& examples, const FitOptions& options, core::Seed seed)
      : inputs_(inputs),
        options_(options),
        seed_(seed),
        network_(
            std::make_shared<OpinionNetwork>(OpinionNetworkOptions{.num_features = inputs.features.size(1),
                                                                   .num_classes = inputs.num_classes,
                                                                   .num_annotators = inputs.num_annotators(),
                                                                   .attribute_sizes = inputs.attribute_sizes,
                                                                   .person = person_of(options.kind),
                                                                   .rank = options.rank},
                                             seed.stream("network"))),
        adam_(network_->parameters(), torch::optim::AdamOptions(options.learning_rate)) {
    auto [training, holdout] = hold_out(examples, options.holdout, seed.stream("holdout"));
    training_ = std::move(training);
    holdout_ = std::move(holdout);
    const auto* items = training_.item.data_ptr<int64_t>();
    for (int64_t e = 0; e < training_.size(); ++e)
      if (e == 0 || items[e] != items[e - 1]) item_begins_.push_back(e);
    item_begins_.push_back(training_.size());
    if (!training_.part.defined()) return;
    const int64_t num_parts = training_.part.max().item<int64_t>() + 1;
    dro_.emplace(torch::bincount(training_.part, {}, num_parts).unsqueeze(0),
                 invariance::GroupDroOptions{.risk = invariance::RiskScale::absolute});
  }

  OpinionModel run() {
    OpinionModel model{.kind = options_.kind, .network = network_, .prior = {}, .holdout_loss = NAN};
    std::vector<torch::Tensor> best;
    for (int64_t epoch = 1; epoch <= options_.max_epochs; ++epoch) {
      if (options_.stop.requested()) throw Interrupted("training of an opinion model was interrupted");
      run_epoch(epoch);
      if (holdout_.size() == 0) {
        model.epochs = epoch;
        continue;
      }
      const double loss = holdout_loss();
      if (model.epochs == 0 || loss < model.holdout_loss) {
        model.epochs = epoch;
        model.holdout_loss = loss;
        best = copies();
      }
      if (epoch - model.epochs >= options_.patience) break;
    }
    torch::NoGradGuard no_grad;
    for (size_t p = 0; p < best.size(); ++p) network_->parameters()[p].copy_(best[p]);
    network_->fill_unseen(torch::bincount(training_.annotator, {}, inputs_.num_annotators()) > 0);
    return model;
  }

 private:
  torch::Tensor losses(const Examples& batch) const {
    return -(batch.target * logits(*network_, inputs_, batch.item, batch.annotator).log_softmax(1)).sum(1);
  }

  // Batches of whole items, so that what the network makes of an item is made once for all who answered.
  void run_epoch(int64_t epoch) {
    std::vector<int64_t> order, ends;
    for (const int64_t item : seed_.stream("shuffle")
                                  .stream(static_cast<uint64_t>(epoch))
                                  .random()
                                  .permutation(static_cast<int64_t>(item_begins_.size()) - 1)) {
      const auto i = static_cast<size_t>(item);
      for (int64_t e = item_begins_[i]; e < item_begins_[i + 1]; ++e) order.push_back(e);
      const int64_t begin = ends.empty() ? 0 : ends.back(), size = static_cast<int64_t>(order.size());
      if (size - begin >= options_.batch_size || size == training_.size()) ends.push_back(size);
    }
    const torch::Tensor examples = torch::tensor(order);
    int64_t begin = 0;
    for (const int64_t end : ends) {
      const Examples batch = training_.select(examples.slice(0, begin, end));
      begin = end;
      const torch::Tensor of_each = losses(batch);
      adam_.zero_grad();
      if (dro_) {
        const auto parts = invariance::parts_of(batch.part, dro_->weights().size(1));
        const auto step = dro_->step(of_each * batch.weight, parts, options_.dro_rate);
        (step.loss + penalty()).backward();
        dro_->update(step.exponents);
      } else {
        ((of_each * batch.weight).mean() + penalty()).backward();
      }
      adam_.step();
    }
  }

  // Of one example: the penalties are of the whole sum.
  torch::Tensor penalty() const {
    const auto n = static_cast<double>(training_.size());
    return options_.own_l2 / n * network_->own_part() + options_.l2 / n * network_->common_part();
  }

  double holdout_loss() const {
    torch::NoGradGuard no_grad;
    return ((losses(holdout_) * holdout_.weight).sum() / holdout_.weight.sum()).item<double>();
  }

  std::vector<torch::Tensor> copies() const {
    std::vector<torch::Tensor> values;
    for (const torch::Tensor& parameter : network_->parameters())
      values.push_back(parameter.detach().clone());
    return values;
  }

  const OpinionInputs& inputs_;
  const FitOptions& options_;
  const core::Seed seed_;
  std::shared_ptr<OpinionNetwork> network_;
  torch::optim::Adam adam_;
  Examples training_, holdout_;
  std::vector<int64_t> item_begins_;  // where the examples of each training item begin; and their number
  std::optional<invariance::GroupDro> dro_;
};

// The shares of classes in all annotations, or the class that each annotator chose most often (the prior for
// those who chose none).
torch::Tensor prior_of(const OpinionInputs& inputs, const Examples& examples, Kind kind) {
  const torch::Tensor shares = examples.target.mean(0);
  torch::Tensor prior = shares.unsqueeze(0).repeat({inputs.num_annotators(), 1});
  if (kind == Kind::prior) return prior;
  const torch::Tensor counts = torch::zeros_like(prior).index_add_(0, examples.annotator, examples.target);
  const torch::Tensor seen = counts.sum(1, /*keepdim=*/true) > 0;
  return torch::where(seen, torch::one_hot(counts.argmax(1), inputs.num_classes).to(torch::kFloat32), prior);
}

}  // namespace

const std::vector<Kind>& all_kinds() {
  static const std::vector<Kind> kKinds = [] {
    std::vector<Kind> kinds;
    for (const auto& [kind, name] : names()) kinds.push_back(kind);
    return kinds;
  }();
  return kKinds;
}

std::string to_string(Kind kind) {
  return std::find_if(names().begin(), names().end(), [&](const auto& n) { return n.first == kind; })->second;
}

Kind parse_kind(const std::string& name) {
  std::vector<std::string> known;
  for (const auto& [kind, own] : names()) {
    if (name == own) return kind;
    known.emplace_back(own);
  }
  const auto meant = core::nearest(name, known);
  throw InputError(
      "no opinion model '{}'; {}", name,
      meant ? "did you mean '" + *meant + "'?" : fmt::format("there are {}", fmt::join(known, ", ")));
}

OpinionModel fit(const OpinionInputs& inputs, const data::Annotations& annotations,
                 const std::vector<int64_t>& rows, const FitOptions& options, core::Seed seed) {
  check(options);
  const Examples examples = make_examples(annotations, rows, options);
  if (options.kind == Kind::prior || options.kind == Kind::own_prior)
    return {.kind = options.kind, .network = nullptr, .prior = prior_of(inputs, examples, options.kind)};
  return Training(inputs, examples, options, seed).run();
}

OpinionModel fit_best(const OpinionInputs& inputs, const data::Annotations& annotations,
                      const std::vector<int64_t>& rows, const std::vector<FitOptions>& choices,
                      core::Seed seed) {
  if (choices.empty()) throw InputError("opinion model: there is nothing to choose from");
  std::optional<OpinionModel> best;
  for (const FitOptions& options : choices) {
    OpinionModel model = fit(inputs, annotations, rows, options, seed);
    if (!model.network) return model;  // a prior has nothing to choose
    if (std::isnan(model.holdout_loss))
      throw InputError("opinion model: a choice needs held-out items; holdout is {} of them",
                       options.holdout);
    if (!best || model.holdout_loss < best->holdout_loss) best = std::move(model);
  }
  return std::move(*best);
}

std::vector<FitOptions> candidates(const FitOptions& options) {
  const bool has_vectors = options.kind == Kind::group || options.kind == Kind::person;
  const std::vector<double> penalties =
      has_vectors ? std::vector<double>{0.1, 1, 10} : std::vector<double>{0.03, 0.1, 0.3, 1, 3, 10};
  const std::vector<int64_t> ranks =
      has_vectors ? std::vector<int64_t>{options.rank, 3 * options.rank} : std::vector<int64_t>{options.rank};
  std::vector<FitOptions> list;
  for (const int64_t rank : ranks)
    for (const double penalty : penalties) {
      list.push_back(options);
      list.back().rank = rank;
      list.back().l2 = list.back().own_l2 = penalty;
    }
  return list;
}

evaluate::OpinionPredictions predict(const OpinionModel& model, const OpinionInputs& inputs,
                                     const data::Annotations& annotations, const std::vector<int64_t>& rows) {
  torch::NoGradGuard no_grad;
  const auto n = static_cast<int64_t>(rows.size());
  const Owners owners = owners_of(annotations, rows);
  torch::Tensor probabilities = torch::empty({n, inputs.num_classes});
  for (int64_t begin = 0; begin < n; begin += kPredictedAtOnce) {
    const torch::Tensor item = owners.item.slice(0, begin, begin + kPredictedAtOnce);
    const torch::Tensor annotator = owners.annotator.slice(0, begin, begin + kPredictedAtOnce);
    const torch::Tensor part = model.network ? logits(*model.network, inputs, item, annotator).softmax(1)
                                             : model.prior.index_select(0, annotator);
    probabilities.slice(0, begin, begin + kPredictedAtOnce).copy_(part);
  }
  const auto* data = probabilities.data_ptr<float>();
  return {.rows = rows,
          .num_classes = inputs.num_classes,
          .probabilities = std::vector<float>(data, data + probabilities.numel())};
}

}  // namespace lathe::train::opinion
