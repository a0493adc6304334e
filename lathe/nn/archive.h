#pragma once
#include <filesystem>
#include <string>

#include "lathe/nn/classifier.h"

namespace lathe::nn {

// A classifier as one TorchScript archive: torch.jit.load runs it anywhere (forward: stored inputs -> logits,
// any batch size, evaluation mode), and load() rebuilds the trainable classifier from it. The extra file
// `lathe.json` holds {"format": 1, "model": <[model] table as TOML>, "schema": …}.
std::string to_archive(Classifier& classifier);                        // the file's bytes
void save(Classifier& classifier, const std::filesystem::path& file);  // atomic
std::shared_ptr<Classifier> load(
    const std::filesystem::path& file);  // throws InputError: damaged, or not lathe's

}  // namespace lathe::nn
