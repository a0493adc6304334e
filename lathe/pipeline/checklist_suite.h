#pragma once
#include "lathe/evaluate/checklist/suite_toml.h"

namespace lathe::pipeline {

// The corpora that suites may name: "reviews", "questions" and "passages", made up by the generators of
// lathe::data (500 examples each, the same for everybody, and other ones than data sources of these names
// train on), with their labels.
evaluate::checklist::CorpusReader generated_corpora();

// A suite by the name of a ready one ("sentiment"), or from a file: .toml as people write them, .json with
// its cases. `options` may leave out the corpora, and what fills masks: n-grams of WordNet's texts do. Throws
// InputError for what is neither, with the nearest name.
evaluate::checklist::Suite load_suite(const std::string& name_or_file,
                                      evaluate::checklist::SuiteOptions options = {});

}  // namespace lathe::pipeline
