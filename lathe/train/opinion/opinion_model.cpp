#include "lathe/train/opinion/opinion_model.h"

#include <torch/torch.h>

#include <cmath>

#include "lathe/core/error.h"

namespace lathe::train::opinion {
namespace {

constexpr double kEmbeddingScale = 0.1;

torch::Tensor normal(std::vector<int64_t> shape, double scale, core::Seed seed) {
  core::Random random = seed.random();
  torch::Tensor values = torch::empty(shape);
  auto* data = values.data_ptr<float>();
  for (int64_t i = 0; i < values.numel(); ++i) data[i] = static_cast<float>(scale * random.normal());
  return values;
}

}  // namespace

torch::Tensor table_features(const data::Annotations& annotations) {
  if (annotations.features.empty())
    throw InputError("the items have no features; name their columns, or make features of their texts");
  return torch::tensor(annotations.features).view({annotations.num_items(), annotations.num_features()});
}

OpinionInputs opinion_inputs(const data::Annotations& annotations, const torch::Tensor& features,
                             const std::vector<std::string>& attributes) {
  if (annotations.scale.kind == data::LabelScale::Kind::real)
    throw InputError("opinion models answer with classes; these labels are real numbers: put them into bins");
  if (features.dim() != 2 || features.size(0) != annotations.num_items())
    throw InputError("features must be a row for each of {} items, got shape {}", annotations.num_items(),
                     c10::str(features.sizes()));
  if (!features.isfinite().all().item<bool>()) throw InputError("features must be finite");
  OpinionInputs inputs{.features = features.to(torch::kFloat32).contiguous(),
                       .attributes = {},
                       .attribute_sizes = {},
                       .num_classes = annotations.scale.num_classes()};
  std::vector<const data::Attribute*> chosen;
  for (const std::string& name : attributes)
    chosen.push_back(&data::find_attribute(annotations.annotator_attributes, name));
  if (attributes.empty())
    for (const data::Attribute& attribute : annotations.annotator_attributes) chosen.push_back(&attribute);
  inputs.attributes =
      torch::zeros({annotations.num_annotators(), static_cast<int64_t>(chosen.size())}, torch::kInt64);
  for (size_t j = 0; j < chosen.size(); ++j) {
    const auto unknown = static_cast<int64_t>(chosen[j]->values.size());
    const torch::Tensor codes = torch::tensor(chosen[j]->codes, torch::kInt64);
    inputs.attributes.select(1, static_cast<int64_t>(j)).copy_(torch::where(codes < 0, unknown, codes));
    inputs.attribute_sizes.push_back(unknown + 1);
  }
  return inputs;
}

OpinionNetwork::OpinionNetwork(const OpinionNetworkOptions& options, core::Seed seed) : options_(options) {
  const int64_t features = options.num_features, classes = options.num_classes;
  if (options.person == Person::heads) {
    head_weights_ =
        register_parameter("head_weights", torch::zeros({options.num_annotators, classes, features}));
    head_bias_ = register_parameter("head_bias", torch::zeros({options.num_annotators, classes}));
    return;
  }
  weights_ = register_parameter("weights", torch::zeros({classes, features}));
  bias_ = register_parameter("bias", torch::zeros({classes}));
  if (options.person == Person::crowd)
    confusion_ = register_parameter("confusion", torch::zeros({options.num_annotators, classes, classes}));
  if (options.person != Person::attribute && options.person != Person::own) return;
  if (options.rank > 0)
    interaction_ = register_parameter(
        "interaction",
        normal({options.rank * classes, features}, 1 / std::sqrt(features), seed.stream("interaction")));
  for (size_t j = 0; j < options.attribute_sizes.size(); ++j) {
    const int64_t size = options.attribute_sizes[j];
    const std::string name = fmt::format("attribute{}", j);
    attribute_embeddings_.push_back(register_parameter(
        name + "_embedding",
        normal({size, options.rank}, kEmbeddingScale, seed.stream("attribute").stream(j))));
    attribute_biases_.push_back(register_parameter(name + "_bias", torch::zeros({size, classes})));
  }
  if (options.person != Person::own) return;
  own_embedding_ = register_parameter("own_embedding", torch::zeros({options.num_annotators, options.rank}));
  own_bias_ = register_parameter("own_bias", torch::zeros({options.num_annotators, classes}));
}

torch::Tensor OpinionNetwork::forward(const torch::Tensor& features, const torch::Tensor& item,
                                      const torch::Tensor& annotator, const torch::Tensor& attributes) {
  if (options_.person == Person::heads)
    return torch::bmm(head_weights_.index_select(0, annotator), features.index_select(0, item).unsqueeze(2))
               .squeeze(2) +
           head_bias_.index_select(0, annotator);
  const torch::Tensor common = torch::addmm(bias_, features, weights_.t()).index_select(0, item);
  if (options_.person == Person::none) return common;
  if (options_.person == Person::crowd) {
    const torch::Tensor shares = common.softmax(1);
    return shares + torch::bmm(confusion_.index_select(0, annotator), shares.unsqueeze(2)).squeeze(2);
  }

  torch::Tensor embedding = torch::zeros({item.size(0), options_.rank}, features.options());
  torch::Tensor logits = common;
  for (size_t j = 0; j < attribute_biases_.size(); ++j) {
    const torch::Tensor values = attributes.select(1, static_cast<int64_t>(j));
    embedding = embedding + attribute_embeddings_[j].index_select(0, values);
    logits = logits + attribute_biases_[j].index_select(0, values);
  }
  if (own_bias_.defined()) {
    embedding = embedding + own_embedding_.index_select(0, annotator);
    logits = logits + own_bias_.index_select(0, annotator);
  }
  if (options_.rank == 0) return logits;
  const torch::Tensor projected = torch::mm(features, interaction_.t())
                                      .view({features.size(0), options_.rank, options_.num_classes})
                                      .index_select(0, item);
  return logits + torch::bmm(embedding.unsqueeze(1), projected).squeeze(1);
}

torch::Tensor OpinionNetwork::own_part() const {
  if (head_weights_.defined())
    return (head_weights_ - head_weights_.mean(0, /*keepdim=*/true)).square().sum() +
           (head_bias_ - head_bias_.mean(0, /*keepdim=*/true)).square().sum();
  if (confusion_.defined()) return confusion_.square().sum();
  if (own_bias_.defined()) return own_embedding_.square().sum() + own_bias_.square().sum();
  return torch::zeros({});
}

torch::Tensor OpinionNetwork::common_part() const {
  torch::Tensor sum = torch::zeros({});
  if (head_weights_.defined()) sum = sum + head_weights_.mean(0).square().sum();
  if (weights_.defined()) sum = sum + weights_.square().sum();
  if (interaction_.defined()) sum = sum + interaction_.square().sum();
  return sum;
}

void OpinionNetwork::fill_unseen(const torch::Tensor& seen) {
  if (!head_weights_.defined() || !seen.any().item<bool>()) return;
  torch::NoGradGuard no_grad;
  const torch::Tensor unseen = seen.logical_not();
  for (const torch::Tensor& heads : {head_weights_, head_bias_})
    heads.index_put_({unseen}, heads.index({seen}).mean(0));
}

}  // namespace lathe::train::opinion
