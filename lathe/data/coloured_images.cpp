#include "lathe/data/coloured_images.h"

#include <torch/torch.h>

#include <algorithm>

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
  for (int tries = 0; colours.size() < static_cast<size_t>(options.shift.contexts_per_set); ++tries) {
    if (tries == kMostTries)
      throw InputError("no room for {} colours at a squared distance above {:g} from {} others; lower one",
                       options.shift.contexts_per_set, options.least_distance, taken.size());
    Colour colour;
    for (uint8_t& channel : colour) channel = static_cast<uint8_t>(random.below(256));
    const bool far = std::all_of(taken.begin(), taken.end(), [&](const Colour& other) {
      return squared_distance(colour, other) > options.least_distance;
    });
    if (far) colours.push_back(colour);
  }
  return colours;
}

void check(const Dataset& grey, const ColouredImagesOptions& o) {
  const int64_t num_classes = grey.schema.num_classes();
  if (grey.inputs.scalar_type() != torch::kUInt8 || grey.inputs.dim() != 4 || grey.inputs.size(1) != 1)
    throw InputError("coloured images are made of uint8 grey images [N, 1, H, W]");
  if (num_classes < 3 || num_classes > static_cast<int64_t>(kOwnColours.size()) + 1)
    throw InputError("coloured images need 3 to {} classes, got {}", kOwnColours.size() + 1, num_classes);
  if (o.threshold < 0 || o.threshold > 255)
    throw InputError("threshold must be in [0, 255], got {}", o.threshold);
}

}  // namespace

Colour ColourSets::of_context(int64_t context) const {
  auto i = static_cast<size_t>(context);
  for (const std::vector<Colour>* set : {&own, &others, &test}) {
    if (i < set->size()) return (*set)[i];
    i -= set->size();
  }
  return validation.at(i);
}

ColourSets draw_colour_sets(int64_t num_classes, const ColouredImagesOptions& options, core::Seed seed) {
  if (num_classes > static_cast<int64_t>(kOwnColours.size()))
    throw InputError("there are colours for {} classes, not for {}", kOwnColours.size(), num_classes);
  ColourSets sets;
  sets.own.assign(kOwnColours.begin(), kOwnColours.begin() + num_classes);
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

ColouredImages coloured_images(const Dataset& train, const Dataset& validation, const Dataset& test,
                               core::Seed seed, const ColouredImagesOptions& o) {
  for (const Dataset* grey : {&train, &validation, &test}) check(*grey, o);
  const ColourSets sets = draw_colour_sets(train.schema.num_classes() - 1, o, seed.stream("colours"));
  const PutIntoContext paint = [&](const torch::Tensor& grey, const std::vector<int64_t>& contexts,
                                   core::Seed) {
    torch::Tensor rgb = torch::empty({grey.size(0), 3, 1, 1}, torch::kUInt8);
    uint8_t* channel = rgb.data_ptr<uint8_t>();
    for (int64_t context : contexts) {
      const Colour colour = sets.of_context(context);
      channel = std::copy(colour.begin(), colour.end(), channel);
    }
    return grey.gt(o.threshold).to(torch::kUInt8) * rgb;
  };
  return {shifted_images(train, validation, test, paint, seed, o.shift), sets};
}

}  // namespace lathe::data
