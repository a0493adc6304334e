#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/core/files.h"
#include "lathe/core/process.h"

// What the tests of the built program share: a place to work in, small data, and calls of `lathe`.
namespace lathe::cli::testing {

namespace fs = std::filesystem;

std::string lathe_program();

// A directory with a run store of its own, in which `lathe` is called.
class Workspace {
 public:
  const fs::path& path() const { return directory_.path(); }
  fs::path operator/(const std::string& name) const { return path() / name; }
  void write(const std::string& name, const std::string& text) const;
  core::ProcessOptions command(const std::vector<std::string>& arguments) const;  // of `lathe arguments…`
  core::ProcessResult lathe(const std::vector<std::string>& arguments) const;
  core::ProcessResult shell(const std::string& script) const;  // finds `lathe` in its PATH

 private:
  core::TemporaryDirectory directory_{"lathe-cli-"};
};

// 8×8 images in three classes, told apart by which rows are bright; about one pixel in five is noise.
torch::Tensor image_of_class(int64_t label, uint64_t seed);
// The four files of MNIST's names: 240 images to train, 60 to test.
void write_idx_data(const fs::path& directory);
// 150 rows: two numbers (some missing), a colour, and the species to predict.
std::string table_text();
// Ten PNG files in each of three folders.
void write_image_folders(const fs::path& directory);

// A pipeline on such images that trains in a blink.
std::string pipeline_text(const std::string& name, const std::string& source);

// Every file below the directory by its relative path, with its bytes.
std::map<std::string, std::string> contents(const fs::path& directory);
// The files whose bytes differ, or that only one has.
std::vector<std::string> differences(const std::map<std::string, std::string>& before,
                                     const std::map<std::string, std::string>& after);

nlohmann::json parse_json(const core::ProcessResult& result);  // of standard output; a failure if it is none

// Exit code, and one line on stderr with all of `parts` in it.
::testing::AssertionResult failed_with(const core::ProcessResult& result, int exit_code,
                                       const std::vector<std::string>& parts);
::testing::AssertionResult succeeded(const core::ProcessResult& result);

}  // namespace lathe::cli::testing
