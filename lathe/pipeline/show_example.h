#pragma once
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "lathe/data/dataset.h"

namespace lathe::pipeline {

// How a page shows an example: an image is written to `png` below `staged` and entry["png"] names it, a
// table's row becomes entry["row"], "age = 3, colour = red", and so does a text, or a pair of them with their
// fields' names.
void show_example(const data::Dataset& dataset, int64_t example, const std::filesystem::path& staged,
                  const std::string& png, nlohmann::json& entry);

}  // namespace lathe::pipeline
