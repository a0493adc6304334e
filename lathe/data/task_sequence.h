#pragma once
#include <vector>

#include "lathe/data/dataset.h"

// Tasks out of one data set, for learning one after another. Applied alike to training, held-out and test
// examples. All throw InputError for what is no image data set, or where the numbers do not fit.
namespace lathe::data {

// The pixels of all images in one order drawn from seed and task; task 0 is the images as they are. Channels
// are permuted together (Goodfellow et al. 2013, permuted MNIST).
Dataset permuted_task(const Dataset& images, int64_t task, core::Seed seed);

// Classes 0 … c−1, then c … 2c−1, and so on, numbered from 0 in each task. Any data set.
std::vector<Dataset> split_by_class(const Dataset& dataset, int64_t classes_per_task);

// Counter-clockwise by so many quarters of a turn. Square images, unless it is an even number.
Dataset rotated_task(const Dataset& images, int64_t quarters);

}  // namespace lathe::data
