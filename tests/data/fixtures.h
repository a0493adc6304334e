#pragma once
#include <gtest/gtest.h>
#include <torch/types.h>

#include <filesystem>
#include <string>

#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/data/dataset.h"
#include "tests/support/gzip.h"

// Small data sets and files for the tests of lathe/data.
namespace lathe::data::testing {

namespace fs = std::filesystem;

// Without the fsync of core::write_file, of which thousands take minutes.
void save(const fs::path& file, const std::string& bytes);

using testing_support::gzip;
std::string idx_bytes(const std::vector<int64_t>& shape, const std::string& values);
// The four files of a data set of 3×2 images, labels 0 … 9 in turn; plain, so that a test can damage them.
void write_idx_files(const fs::path& directory, int64_t num_train = 30, int64_t num_test = 10);

torch::Tensor random_image(int64_t channels, int64_t height, int64_t width, uint64_t seed);
std::string encode_jpeg(const torch::Tensor& image);

// Example i is filled with i mod 256; its class is i mod num_classes, or in runs of the given lengths.
Dataset numbered_images(int64_t count, int64_t num_classes, int64_t side = 4);
Source numbered_source(const std::vector<int64_t>& class_counts);

// The message of the InputError that the call throws; a failure if it throws none or another exception.
template <typename Call>
std::string input_error(const Call& call) {
  try {
    call();
  } catch (const InputError& error) {
    return error.what();
  } catch (const std::exception& error) {
    ADD_FAILURE() << "not an InputError: " << error.what();
    return "";
  }
  ADD_FAILURE() << "no exception";
  return "";
}

#define EXPECT_INPUT_ERROR(call, part)                                                        \
  EXPECT_NE(::lathe::data::testing::input_error([&] { call; }).find(part), std::string::npos) \
      << ::lathe::data::testing::input_error([&] { call; })

}  // namespace lathe::data::testing
