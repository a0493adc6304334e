#include "lathe/data/coloured_images.h"

#include <torch/torch.h>

#include <algorithm>
#include <functional>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

// Ahmed et al.'s, in the order of the classes.
const std::vector<Colour> kOwnColours = {{0, 100, 0},   {188, 143, 143}, {255, 0, 0},
                                         {255, 215, 0}, {0, 255, 0},     {65, 105, 225},
                                         {0, 225, 225}, {0, 0, 255},     {255, 20, 147}};
constexpr int kMostTries = 100000;

double squared_distance(const Colour& a, const Colour& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum;
}

// `count` random colours far from all in `taken`.
std::vector<Colour> draw_colours(const std::vector<Colour>& taken, const ColouredImagesOptions& options,
                                 core::Random random) {
  std::vector<Colour> colours;
  for (int tries = 0; colours.size() < static_cast<size_t>(options.colours_per_set); ++tries) {
    if (tries == kMostTries)
      throw InputError("no room for {} colours at a squared distance above {:g} from {} others; lower one",
                       options.colours_per_set, options.least_distance, taken.size());
    Colour colour;
    for (uint8_t& channel : colour) channel = static_cast<uint8_t>(random.below(256));
    const bool far = std::all_of(taken.begin(), taken.end(), [&](const Colour& other) {
      return squared_distance(colour, other) > options.least_distance;
    });
    if (far) colours.push_back(colour);
  }
  return colours;
}

ColourSets draw_colour_sets(size_t num_classes, const ColouredImagesOptions& options, core::Seed seed) {
  ColourSets sets;
  sets.own.assign(kOwnColours.begin(), kOwnColours.begin() + static_cast<int64_t>(num_classes));
  std::vector<Colour> taken = sets.own;
  const auto next = [&](const char* name) {
    std::vector<Colour> colours = draw_colours(taken, options, seed.stream(name).random());
    taken.insert(taken.end(), colours.begin(), colours.end());
    return colours;
  };
  sets.others = next("others");
  sets.test = next("test");
  sets.validation = next("validation");
  return sets;
}

void check(const Dataset& grey, const ColouredImagesOptions& o) {
  const int64_t num_classes = grey.schema.num_classes();
  if (grey.inputs.scalar_type() != torch::kUInt8 || grey.inputs.dim() != 4 || grey.inputs.size(1) != 1)
    throw InputError("coloured images are made of uint8 grey images [N, 1, H, W]");
  if (num_classes < 3 || num_classes > static_cast<int64_t>(kOwnColours.size()) + 1)
    throw InputError("coloured images need 3 to {} classes, got {}", kOwnColours.size() + 1, num_classes);
  if (o.anomaly_class < 0 || o.anomaly_class >= num_classes)
    throw InputError("anomaly_class must be in [0, {}), got {}", num_classes, o.anomaly_class);
  if (!(o.bias >= 0 && o.bias <= 1)) throw InputError("bias must be in [0, 1], got {}", o.bias);
  if (o.threshold < 0 || o.threshold > 255)
    throw InputError("threshold must be in [0, 255], got {}", o.threshold);
  if (o.colours_per_set < 1)
    throw InputError("colours_per_set must be at least 1, got {}", o.colours_per_set);
}

// Without the anomaly class; those after it move down by one.
Dataset without_anomalies(const Dataset& grey, int64_t anomaly_class) {
  Dataset dataset = grey.select(grey.targets.ne(anomaly_class).nonzero().squeeze(1));
  dataset.targets = dataset.targets - dataset.targets.gt(anomaly_class).to(torch::kInt64);
  dataset.schema.classes.erase(dataset.schema.classes.begin() + anomaly_class);
  dataset.schema.shape.at(0) = 3;
  return dataset;
}

torch::Tensor paint(const torch::Tensor& grey, const std::vector<Colour>& colours, int64_t threshold) {
  torch::Tensor rgb = torch::empty({grey.size(0), 3, 1, 1}, torch::kUInt8);
  uint8_t* channel = rgb.data_ptr<uint8_t>();
  for (const Colour& colour : colours) channel = std::copy(colour.begin(), colour.end(), channel);
  return grey.gt(threshold).to(torch::kUInt8) * rgb;
}

using ColourOf = std::function<Colour(int64_t target)>;

Dataset painted(Dataset grey, const ColourOf& colour_of, int64_t threshold) {
  std::vector<Colour> colours;
  const int64_t* target = grey.targets.data_ptr<int64_t>();
  for (int64_t i = 0; i < grey.size(); ++i) colours.push_back(colour_of(target[i]));
  grey.inputs = paint(grey.inputs, colours, threshold);
  return grey;
}

Colour any(const std::vector<Colour>& colours, core::Random& random) {
  return colours[static_cast<size_t>(random.below(static_cast<int64_t>(colours.size())))];
}

ColourOf any_of(const std::vector<Colour>& colours, core::Seed seed) {
  return [&colours, random = seed.random()](int64_t) mutable { return any(colours, random); };
}

ColourOf biased(const ColourSets& sets, double bias, core::Seed seed) {
  return [&sets, bias, random = seed.random()](int64_t target) mutable {
    return random.uniform() < bias ? sets.own[static_cast<size_t>(target)] : any(sets.others, random);
  };
}

ColourOf of_another_class(const ColourSets& sets, core::Seed seed) {
  return [&sets, random = seed.random()](int64_t target) mutable {
    const int64_t other = random.below(static_cast<int64_t>(sets.own.size()) - 1);
    return sets.own[static_cast<size_t>(other + (other >= target ? 1 : 0))];
  };
}

}  // namespace

ColouredImages coloured_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                               core::Seed seed, const ColouredImagesOptions& o) {
  for (const Dataset* grey : {&train, &validation, &test}) check(*grey, o);
  const Dataset grey_train = without_anomalies(train, o.anomaly_class),
                grey_validation = without_anomalies(validation, o.anomaly_class),
                grey_test = without_anomalies(test, o.anomaly_class);
  ColouredImages images;
  images.colours = draw_colour_sets(grey_train.schema.classes.size(), o, seed.stream("colours"));
  const ColourSets& sets = images.colours;

  std::vector<uint8_t> minority;
  images.train = painted(
      grey_train,
      [&, colour_of = biased(sets, o.bias, seed.stream("train"))](int64_t target) {
        const Colour colour = colour_of(target);
        minority.push_back(colour != sets.own[static_cast<size_t>(target)]);
        return colour;
      },
      o.threshold);
  images.train_minority = torch::tensor(minority, torch::kUInt8);

  const auto colour = [&](const Dataset& grey, const ColourOf& colour_of) {
    return painted(grey, colour_of, o.threshold);
  };
  images.id_validation = colour(grey_validation, biased(sets, o.bias, seed.stream("id validation")));
  images.xn_validation = colour(grey_validation, any_of(sets.validation, seed.stream("xn validation")));
  images.sg_validation = colour(grey_validation, of_another_class(sets, seed.stream("sg validation")));
  images.id_test = colour(grey_test, biased(sets, o.bias, seed.stream("id test")));
  images.xn_test = colour(grey_test, any_of(sets.test, seed.stream("xn test")));
  images.sg_test = colour(grey_test, of_another_class(sets, seed.stream("sg test")));
  images.anomalies = painted(test.select(test.targets.eq(o.anomaly_class).nonzero().squeeze(1)),
                             any_of(sets.own, seed.stream("anomalies")), o.threshold)
                         .inputs;
  return images;
}

}  // namespace lathe::data
