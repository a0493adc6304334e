#include "lathe/data/task_sequence.h"

#include <torch/torch.h>

#include "lathe/core/error.h"

namespace lathe::data {
namespace {

void require_images(const Dataset& dataset, const char* what) {
  if (dataset.inputs.dim() != 4)
    throw InputError("{} tasks are made of images [N, C, H, W], got inputs with {} dimensions", what,
                     dataset.inputs.dim());
}

}  // namespace

Dataset permuted_task(const Dataset& images, int64_t task, core::Seed seed) {
  require_images(images, "permuted");
  if (task < 0) throw InputError("a task's number must be at least 0, got {}", task);
  if (task == 0) return images;
  const int64_t pixels = images.inputs.size(2) * images.inputs.size(3);
  const torch::Tensor order =
      torch::tensor(seed.stream(static_cast<uint64_t>(task)).random().permutation(pixels));
  return {images.inputs.flatten(2).index_select(2, order).view(images.inputs.sizes()), images.targets,
          images.schema};
}

std::vector<Dataset> split_by_class(const Dataset& dataset, int64_t classes_per_task) {
  const int64_t num_classes = dataset.schema.num_classes();
  if (classes_per_task < 1 || num_classes % classes_per_task != 0)
    throw InputError("{} classes cannot be split into tasks of {}", num_classes, classes_per_task);
  std::vector<Dataset> tasks;
  for (int64_t first = 0; first < num_classes; first += classes_per_task) {
    const torch::Tensor inside =
        (dataset.targets >= first).logical_and(dataset.targets < first + classes_per_task);
    Dataset task = dataset.select(inside.nonzero().flatten());
    task.targets = task.targets - first;
    const auto begin = dataset.schema.classes.begin() + first;
    task.schema.classes.assign(begin, begin + classes_per_task);
    tasks.push_back(std::move(task));
  }
  return tasks;
}

Dataset rotated_task(const Dataset& images, int64_t quarters) {
  require_images(images, "rotated");
  if (quarters % 2 != 0 && images.inputs.size(2) != images.inputs.size(3))
    throw InputError("only square images can be turned by a quarter, these are {}×{}", images.inputs.size(2),
                     images.inputs.size(3));
  return {torch::rot90(images.inputs, quarters, {2, 3}).contiguous(), images.targets, images.schema};
}

}  // namespace lathe::data
