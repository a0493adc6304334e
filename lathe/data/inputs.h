#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include "lathe/data/dataset.h"

namespace lathe::data {

struct Inputs {
  torch::Tensor values;            // as Dataset::inputs
  std::vector<std::string> names;  // one per example: "shoe.png", "table.csv:3", "batch.npy[7]"
  torch::Tensor
      targets;  // int64 [N] where the files have them (a CSV with the target column), else undefined
};
// Reads what a model with this schema can predict on: PNG and JPEG (resized to the schema's shape, grey or
// colour as it says), .npy (uint8 [N,C,H,W], [N,H,W] or [H,W] images; [N,F] tables), .csv (columns found by
// name); texts: .csv, .tsv and .jsonl (columns found by name), .txt (a text a line, empty ones too).
Inputs read_inputs(const std::vector<std::filesystem::path>& files, const Schema& schema);

// Texts [field][example] at hand.
Inputs text_inputs(const std::vector<std::vector<std::string>>& texts, std::vector<std::string> names,
                   const Schema& schema);

// PNG or JPEG file or bytes -> uint8 [C, H, W] with C = 1 or 3 channels; encode: uint8 [C, H, W] -> PNG
// bytes.
torch::Tensor read_image(const std::filesystem::path& file, int64_t channels);
std::string encode_png(const torch::Tensor& image);
// uint8 [C, H, W] -> [C, height, width]: shorter side resized (area average down, bilinear up), centre
// cropped.
torch::Tensor fit_image(const torch::Tensor& image, int64_t height, int64_t width);

}  // namespace lathe::data
