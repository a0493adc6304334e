#pragma once
#include <string>
#include <vector>

#include "lathe/core/seed.h"
#include "lathe/data/dataset.h"

namespace lathe::data {

// Places to put objects into, by number: 0 to 8 are grass, sea, sky, brick, wood, sand, snow, street and
// noise; those from 9 on are patterns (stripes, checks, clouds, dots, rings, plain slopes) in two colours
// that belong to the number, drawn from `world`. No two images of a place are alike.
const std::vector<std::string>& scene_names();  // of the first nine

// uint8 [places.size(), 3, size, size]; image i depends on place, `world`, seed and i. Throws InputError for
// negative places and a size below 8 or above 1024.
torch::Tensor scenes(const std::vector<int64_t>& places, int64_t size, core::Seed world, core::Seed seed);

}  // namespace lathe::data
