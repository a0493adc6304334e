#include "lathe/data/shifted_images.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

void check(const Dataset& objects, const ShiftedImagesOptions& o) {
  const int64_t num_classes = objects.schema.num_classes();
  if (num_classes < 3) throw InputError("shifted images need 3 classes or more, got {}", num_classes);
  if (o.anomaly_class < 0 || o.anomaly_class >= num_classes)
    throw InputError("anomaly_class must be in [0, {}), got {}", num_classes, o.anomaly_class);
  if (!(o.bias >= 0 && o.bias <= 1)) throw InputError("bias must be in [0, 1], got {}", o.bias);
  if (o.contexts_per_set < 1)
    throw InputError("contexts_per_set must be at least 1, got {}", o.contexts_per_set);
}

// Without the anomaly class; those after it move down by one.
Dataset without_anomalies(const Dataset& objects, int64_t anomaly_class) {
  Dataset dataset = objects.select(objects.targets.ne(anomaly_class).nonzero().squeeze(1));
  dataset.targets = dataset.targets - dataset.targets.gt(anomaly_class).to(torch::kInt64);
  dataset.schema.classes.erase(dataset.schema.classes.begin() + anomaly_class);
  dataset.schema.shape.at(0) = 3;
  return dataset;
}

using ContextOf = std::function<int64_t(int64_t target, core::Random& random)>;

}  // namespace

ShiftedImages shifted_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                             const PutIntoContext& put, core::Seed seed, const ShiftedImagesOptions& o) {
  for (const Dataset* objects : {&train, &validation, &test}) check(*objects, o);
  const Dataset kept_train = without_anomalies(train, o.anomaly_class),
                kept_validation = without_anomalies(validation, o.anomaly_class),
                kept_test = without_anomalies(test, o.anomaly_class);
  const ContextNumbers number{kept_train.schema.num_classes(), o.contexts_per_set};
  const ContextOf biased = [&](int64_t target, core::Random& random) {
    return random.uniform() < o.bias ? number.own(target) : number.other(random.below(o.contexts_per_set));
  };
  const ContextOf of_another_class = [&](int64_t target, core::Random& random) {
    const int64_t other = random.below(number.num_classes - 1);
    return number.own(other + (other >= target ? 1 : 0));
  };
  const ContextOf of_validation = [&](int64_t, core::Random& random) {
    return number.validation(random.below(o.contexts_per_set));
  };
  const ContextOf of_test = [&](int64_t, core::Random& random) {
    return number.test(random.below(o.contexts_per_set));
  };
  const auto contexts = [](const torch::Tensor& targets, const ContextOf& context_of, core::Seed stream) {
    core::Random random = stream.random();
    std::vector<int64_t> drawn;
    for (int64_t i = 0; i < targets.numel(); ++i)
      drawn.push_back(context_of(targets.data_ptr<int64_t>()[i], random));
    return drawn;
  };
  const auto shown = [&](Dataset objects, const ContextOf& context_of, const char* name) {
    const core::Seed stream = seed.stream(name);
    objects.inputs =
        put(objects.inputs, contexts(objects.targets, context_of, stream), stream.stream("contexts"));
    return objects;
  };

  ShiftedImages images;
  images.train = shown(kept_train, biased, "train");
  const torch::Tensor drawn =
      torch::tensor(contexts(kept_train.targets, biased, seed.stream("train")), torch::kInt64);
  images.train_minority = drawn.ge(number.num_classes).to(torch::kUInt8);
  images.id_validation = shown(kept_validation, biased, "id validation");
  images.xn_validation = shown(kept_validation, of_validation, "xn validation");
  images.sg_validation = shown(kept_validation, of_another_class, "sg validation");
  images.id_test = shown(kept_test, biased, "id test");
  images.xn_test = shown(kept_test, of_test, "xn test");
  images.sg_test = shown(kept_test, of_another_class, "sg test");
  images.anomalies =
      shown(
          test.select(test.targets.eq(o.anomaly_class).nonzero().squeeze(1)),
          [&](int64_t, core::Random& random) { return number.own(random.below(number.num_classes)); },
          "anomalies")
          .inputs;
  return images;
}

}  // namespace lathe::data
