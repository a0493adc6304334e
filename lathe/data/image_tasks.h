#pragma once
#include <vector>

#include "lathe/data/dataset.h"
#include "lathe/data/tasks.h"

// Several tasks on the same images, for one network with a head for each.
namespace lathe::data {

// In the order of the tasks; `examples` holds all images once for each task, task after task.
//   class       the image's own
//   rotation    by how many quarters it is turned, 4 classes
//   brightness  of its mean grey value, between the given edges: a regression as classes of equal counts
//   half        which half is left, the rest black: left, right, top, bottom
struct ImageTasks {
  Dataset examples;  // targets are numbers of the task's own classes
  Tasks tasks;
  std::vector<int64_t> num_classes;  // of each task
};

// Quantiles of the images' mean values that part them into so many classes of equal counts, ascending. Take
// them from training images. Throws InputError for what is not images, and fewer than two classes.
std::vector<double> brightness_edges(const Dataset& images, int64_t num_classes);

// Square images, uint8 [N, C, S, S]; quarters and halves are drawn from `seed`. Throws InputError for other
// images.
ImageTasks image_tasks(const Dataset& images, const std::vector<double>& edges, core::Seed seed);

}  // namespace lathe::data
