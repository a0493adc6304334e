#pragma once
#include <torch/types.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "lathe/core/seed.h"

namespace lathe::data {

// One column of a table. A categorical column's cell is the index of its text in `values`, -1 if unknown.
struct Column {
  std::string name;
  std::vector<std::string> values;  // empty: the column is a number
  bool categorical() const { return !values.empty(); }
};

class TextEncoding;  // data/text_encoding.h

// What a model expects of an input and what its outputs mean; part of the bundle (data.json).
struct Schema {
  std::vector<int64_t> shape;   // images {C, H, W}; tables {num_columns}; texts {num_tokens}
  std::vector<Column> columns;  // tables only, in the order of the inputs
  std::string target;           // tables and texts: the name of the target column
  std::vector<std::string> classes;
  std::vector<std::string> fields;               // texts only: {"text"}, or those of a pair of texts
  std::shared_ptr<const TextEncoding> encoding;  // texts only: null until it was fitted
  bool table() const { return !columns.empty(); }
  bool text() const { return !fields.empty(); }
  int64_t num_classes() const { return static_cast<int64_t>(classes.size()); }
};
nlohmann::json to_json(const Schema& schema);
Schema schema_from_json(const nlohmann::json& json);  // throws InputError on what is not a schema

// Examples with classes. Inputs stay as they came: uint8 images [N, C, H, W] in 0..255, or float32 tables [N,
// F] in which NaN is a missing number. Normalisation belongs to the model. Texts are numbers of tokens, int64
// [N, num_tokens], once their schema's encoding was fitted (data/text_encoding.h), and undefined before.
struct Dataset {
  torch::Tensor inputs;
  torch::Tensor targets;  // int64 [N], in [0, num_classes)
  Schema schema;
  std::vector<std::vector<std::string>> texts = {};  // texts only: of each of the schema's fields, N
  int64_t size() const { return targets.defined() ? targets.size(0) : 0; }
  Dataset select(const torch::Tensor& indices) const;  // int64 [M]
};

// What a source gives and what it is.
struct Source {
  std::string name;          // "fashion-mnist", "csv:iris.csv?target=species"
  std::string content_hash;  // SHA-256 over what was read
  Dataset train;
  Dataset test;                         // size 0 where the source has none
  std::vector<std::string> unreadable;  // files that were left out, with the reason (images: only)
  std::string image_sizes;              // width×height of the files, "20×30 to 640×480" (images: only)
};

struct SourceOptions {
  int64_t image_size =
      0;  // images: sources only: resize the shorter side, crop the centre; 0: the first image's
  bool skip_unreadable = false;  // images: sources only: leave a broken file out instead of an error
};

// Reads a data set by its name:
//   fashion-mnist | fashion-mnist:DIR  Debian's dataset-fashion-mnist, or a directory with its four files,
//                                      checked by hash
//   idx:DIR                            four IDX files named as MNIST's, plain or .gz
//   cifar10:DIR                        the binary version (data_batch_1.bin … test_batch.bin)
//   cifar100:DIR | …?labels=coarse     the binary version (train.bin, test.bin); 100 classes or 20, named as
//                                      fine_label_names.txt or coarse_label_names.txt does where it is there
//   csv:FILE?target=COLUMN             header row; columns whose cells are all numbers, and categories
//   images:DIR                         one folder per class with PNG or JPEG files, or DIR/train and DIR/test
//                                      of such
//   glyphs | glyphs:DIR                1,000 letters of fonts (Debian's; those below DIR), tested in others
//   glyph-shift | glyph-shift:DIR      likewise, tested with stronger distortions
// Throws InputError naming the file, the offset or line, and what would be right.
Source load_source(const std::string& name, const SourceOptions& options = {});

struct SplitOptions {
  double holdout =
      0.1;             // of the training examples, for choices and calibration: below 1 a share, else a count
  double test = 0.2;   // likewise; used only where the source has no test set
  int64_t subset = 0;  // keep this many training examples (after the split); 0: all
};
struct Splits {
  Dataset train, holdout, test;
  torch::Tensor train_indices, holdout_indices,
      test_indices;  // into the source's train set (test: empty if its own)
};
// Stratified by class: each part gets every class's share to within one example. Deterministic in `seed`.
Splits split(const Source& source, const SplitOptions& options, core::Seed seed);

struct CorruptedLabels {
  Dataset dataset;
  torch::Tensor indices;  // int64, the examples whose label was redrawn
};
// Gives round(rate · N) examples a label drawn uniformly over all classes (the true one included), by one
// fixed permutation of `seed`, so that a higher rate corrupts a superset. Zhang et al. 2017.
CorruptedLabels corrupt_labels(const Dataset& dataset, double rate, core::Seed seed);

}  // namespace lathe::data
