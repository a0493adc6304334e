#include "lathe/pipeline/language_model.h"

#include <torch/torch.h>

#include "lathe/core/files.h"
#include "lathe/data/wordnet_graph.h"

namespace lathe::pipeline {

std::vector<std::string> wordnet_texts() {
  std::vector<std::string> texts;
  for (const data::Synset& synset : data::installed_wordnet().synsets()) {
    data::GlossText gloss = data::split_gloss(synset.gloss);
    if (!gloss.definition.empty()) texts.push_back(std::move(gloss.definition));
    for (std::string& example : gloss.examples) texts.push_back(std::move(example));
  }
  return texts;
}

std::shared_ptr<const evaluate::checklist::MaskedLanguageModel> transformer_language_model(
    const std::filesystem::path& file, const std::function<std::vector<std::string>()>& texts,
    const train::MaskedLanguageModelOptions& options, const core::StopToken& stop) {
  std::shared_ptr<train::MaskedLanguageModel> trained;
  if (std::filesystem::exists(file)) {
    trained = train::load_masked_language_model(file);
  } else {
    trained = train::train_masked_language_model(texts(), options, stop);
    train::save_masked_language_model(*trained, file);
  }
  trained->eval();
  return evaluate::checklist::network_language_model(
      [trained](const at::Tensor& rows) {
        const torch::NoGradGuard no_grad;
        return trained->forward(rows);
      },
      trained->vocabulary());
}

}  // namespace lathe::pipeline
