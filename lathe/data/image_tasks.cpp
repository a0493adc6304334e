#include "lathe/data/image_tasks.h"

#include <torch/torch.h>

#include <algorithm>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

void require_images(const Dataset& images) {
  if (images.inputs.dim() != 4 || images.inputs.scalar_type() != torch::kUInt8 || images.size() == 0)
    throw InputError("image tasks are made of images, uint8 [N, C, S, S]");
}

torch::Tensor means(const torch::Tensor& images) {
  return images.flatten(1).to(torch::kFloat64).mean(1);
}

torch::Tensor draws(int64_t count, int64_t n, core::Seed seed) {
  core::Random random = seed.random();
  torch::Tensor drawn = torch::empty({n}, torch::kInt64);
  for (int64_t i = 0; i < n; ++i) drawn.data_ptr<int64_t>()[i] = random.below(count);
  return drawn;
}

torch::Tensor rotated(const torch::Tensor& images, const torch::Tensor& quarters) {
  torch::Tensor turned = images.clone();
  for (int64_t k = 1; k < 4; ++k) {
    const torch::Tensor rows = quarters.eq(k).nonzero().flatten();
    turned.index_copy_(0, rows, torch::rot90(images.index_select(0, rows), k, {2, 3}));
  }
  return turned;
}

torch::Tensor halved(const torch::Tensor& images, const torch::Tensor& kept) {
  torch::Tensor halves = images.clone();
  const int64_t side = images.size(3), half = side / 2;
  for (int64_t k = 0; k < 4; ++k) {
    const torch::Tensor rows = kept.eq(k).nonzero().flatten();
    torch::Tensor part = images.index_select(0, rows);
    const int64_t begin = k % 2 == 0 ? half : 0;  // of what is not kept
    part.narrow(k < 2 ? 3 : 2, begin, begin == 0 ? half : side - half).zero_();
    halves.index_copy_(0, rows, part);
  }
  return halves;
}

}  // namespace

std::vector<double> brightness_edges(const Dataset& images, int64_t num_classes) {
  require_images(images);
  if (num_classes < 2) throw InputError("brightness needs two classes or more, got {}", num_classes);
  const torch::Tensor sorted = std::get<0>(means(images.inputs).sort());
  std::vector<double> edges;
  for (int64_t i = 1; i < num_classes; ++i)
    edges.push_back(sorted[i * sorted.numel() / num_classes].item<double>());
  return edges;
}

ImageTasks image_tasks(const Dataset& images, const std::vector<double>& edges, core::Seed seed) {
  require_images(images);
  if (images.inputs.size(2) != images.inputs.size(3))
    throw InputError("image tasks turn images by quarters: they must be square, these are {}×{}",
                     images.inputs.size(2), images.inputs.size(3));
  const int64_t n = images.size();
  const torch::Tensor quarters = draws(4, n, seed.stream("rotation")),
                      halves = draws(4, n, seed.stream("half"));
  torch::Tensor brightness = torch::zeros({n}, torch::kInt64);
  for (double edge : edges) brightness += means(images.inputs).ge(edge);

  ImageTasks result;
  result.tasks.names = {"class", "rotation", "brightness", "half"};
  result.tasks.of_example = torch::arange(4).repeat_interleave(n);
  result.num_classes = {images.schema.num_classes(), 4, static_cast<int64_t>(edges.size()) + 1, 4};
  result.examples.inputs = torch::cat(
      {images.inputs, rotated(images.inputs, quarters), images.inputs, halved(images.inputs, halves)});
  result.examples.targets = torch::cat({images.targets, quarters, brightness, halves});
  result.examples.schema = images.schema;
  result.examples.schema.classes.clear();
  const int64_t most = *std::max_element(result.num_classes.begin(), result.num_classes.end());
  for (int64_t i = 0; i < most; ++i) result.examples.schema.classes.push_back(std::to_string(i));
  return result;
}

}  // namespace lathe::data
