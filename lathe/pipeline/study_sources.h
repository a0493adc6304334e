#pragma once
#include <filesystem>
#include <string>

#include "lathe/pipeline/study.h"

namespace lathe::pipeline {

// SHA-256 over the names and contents of the sources that a study's result depends on: its own files in
// studies/, those there that no other study owns, and all that they reach by #include in modules up to the
// study's. A header brings the files that implement it: its namesake; a source without a namesake implements
// every header of its module that it includes.
std::string sources_hash(const Study& study, const std::filesystem::path& tree);

}  // namespace lathe::pipeline
