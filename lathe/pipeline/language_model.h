#pragma once
#include <filesystem>
#include <memory>

#include "lathe/evaluate/checklist/masked_language_model.h"
#include "lathe/train/masked_language_model.h"

namespace lathe::pipeline {

// WordNet's definitions and examples, a text each. Throws InputError that names the package where they are
// missing.
std::vector<std::string> wordnet_texts();

// A transformer that suggests words (train/masked_language_model.h). The one in `file`, if it is there; else
// it is trained on `texts()` and kept in `file`: four minutes on one core for those of WordNet. Throws
// Interrupted when `stop` is requested, and then keeps nothing.
std::shared_ptr<const evaluate::checklist::MaskedLanguageModel> transformer_language_model(
    const std::filesystem::path& file, const std::function<std::vector<std::string>()>& texts,
    const train::MaskedLanguageModelOptions& options = {}, const core::StopToken& stop = {});

}  // namespace lathe::pipeline
