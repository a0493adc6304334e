#include "lathe/data/shifted_objects.h"

#include <torch/torch.h>

#include "lathe/data/objects.h"
#include "lathe/data/scenes.h"

namespace lathe::data {
namespace {

using MakeObjects = Dataset (*)(const ObjectOptions&, core::Seed);

ShiftedImages of_objects(MakeObjects make, const PutIntoContext& put, const ShiftedObjectsOptions& o,
                         core::Seed seed) {
  const auto objects = [&](int64_t count, const char* name) {
    return make({.size = o.size, .num_images = count}, seed.stream("objects").stream(name));
  };
  return shifted_images(objects(o.train, "train"), objects(o.validation, "validation"),
                        objects(o.test, "test"), put, seed, o.shift);
}

}  // namespace

ShiftedImages glyphs_on_colours(const ShiftedObjectsOptions& o, core::Seed seed) {
  const ColourSets sets = draw_colour_sets(9, {.shift = o.shift}, seed.stream("colours"));
  const PutIntoContext put = [&](const torch::Tensor& objects, const std::vector<int64_t>& contexts,
                                 core::Seed) {
    std::vector<uint8_t> colours;
    for (int64_t context : contexts)
      for (uint8_t channel : sets.of_context(context)) colours.push_back(channel);
    const torch::Tensor backgrounds = torch::tensor(colours, torch::kUInt8)
                                          .view({objects.size(0), 3, 1, 1})
                                          .expand({-1, -1, o.size, o.size});
    return put_before(objects, backgrounds);
  };
  return of_objects(textured_glyphs, put, o, seed);
}

ShiftedImages objects_on_scenes(const ShiftedObjectsOptions& o, core::Seed seed) {
  const PutIntoContext put = [&](const torch::Tensor& objects, const std::vector<int64_t>& contexts,
                                 core::Seed of_set) {
    return put_before(objects, scenes(contexts, o.size, seed.stream("world"), of_set));
  };
  return of_objects(solids, put, o, seed);
}

}  // namespace lathe::data
