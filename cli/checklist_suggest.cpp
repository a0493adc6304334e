#include "cli/checklist.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/evaluate/checklist/suggest.h"
#include "lathe/evaluate/checklist/template.h"
#include "lathe/pipeline/language_model.h"

namespace lathe::cli {
namespace {

namespace checklist = evaluate::checklist;

struct SuggestArguments {
  std::vector<std::string> texts;
  std::string word, relation, language_model = "ngram", model, vocabulary;
  int64_t most = 20;
  double threshold = checklist::ReplaceOptions().threshold;
};

// "I am {mask}." as the texts around its gaps.
checklist::GappedText gapped(const std::string& text) {
  const checklist::Template parsed = checklist::parse_template(text);
  if (!parsed.mask || parsed.tags.size() != 1)
    throw InputError(
        "'{}' must have {{mask}} where words are wanted, and no other tag; or name a word with --word", text);
  checklist::GappedText pieces;
  for (const checklist::Piece& piece : parsed.leaves[0].pieces) pieces.push_back(piece.text);
  return pieces;
}

checklist::WordRelation parse_relation(const std::string& name) {
  using Relation = checklist::WordRelation;
  for (const auto& [known, relation] : {std::pair{"synonym", Relation::synonym},
                                        {"antonym", Relation::antonym},
                                        {"hypernym", Relation::hypernym},
                                        {"hyponym", Relation::hyponym},
                                        {"related", Relation::related}})
    if (name == known) return relation;
  throw InputError("a relation is synonym, antonym, hypernym, hyponym or related, got '{}'", name);
}

std::shared_ptr<const checklist::MaskedLanguageModel> language_model(const SuggestArguments& arguments) {
  if (arguments.model.empty() != arguments.vocabulary.empty())
    throw InputError("--model and --vocabulary go together");
  if (!arguments.model.empty())
    return checklist::torchscript_language_model(arguments.model, arguments.vocabulary);
  if (arguments.language_model == "ngram") return checklist::ngram_language_model();
  return pipeline::transformer_language_model(core::home_directory() / "wordnet-language-model.pt",
                                              pipeline::wordnet_texts, {}, core::process_stop_token());
}

core::Table suggestions(const SuggestArguments& arguments) {
  const auto model = language_model(arguments);
  core::Table table({"suggestion", "score"});
  if (arguments.word.empty()) {
    if (!arguments.relation.empty()) throw InputError("--relation needs the word: --word");
    std::vector<checklist::GappedText> texts;
    for (const std::string& text : arguments.texts) texts.push_back(gapped(text));
    for (const checklist::MaskFill& fill :
         checklist::suggest(*model, texts, {.most_fills = arguments.most})) {
      std::string words;
      for (const std::string& word : fill.words) words += (words.empty() ? "" : " ") + word;
      table.add({words, fill.score});
    }
    return table;
  }
  const checklist::ReplaceOptions how{.threshold = arguments.threshold, .most_suggestions = arguments.most};
  const std::vector<checklist::Suggestion> found =
      arguments.relation.empty() ? checklist::suggest_replace(*model, arguments.texts, arguments.word, how)
                                 : checklist::suggest_related(*model, arguments.texts, arguments.word,
                                                              parse_relation(arguments.relation), how);
  for (const checklist::Suggestion& suggestion : found) table.add({suggestion.word, suggestion.score});
  return table;
}

}  // namespace

void add_checklist_suggest(CLI::App& parent, Options& options) {
  auto arguments = std::make_shared<SuggestArguments>();
  CLI::App* verb = add_verb(parent, options, "suggest",
                            "Words for templates: what a language model puts into {mask}, or for a word",
                            "lathe evaluate checklist suggest 'This is a {mask} flight.'");
  verb->add_option("texts", arguments->texts, "Texts with {mask}, or with the word of --word")->required();
  verb->add_option("--word", arguments->word, "Suggest what could stand for this word");
  verb->add_option("--relation", arguments->relation,
                   "Only what WordNet knows as its synonym, antonym, hypernym, hyponym, or related");
  verb->add_option("--language-model", arguments->language_model,
                   "ngram, or transformer (trained on the first use, some minutes, and then kept); both on "
                   "WordNet's definitions and examples")
      ->check(CLI::IsMember({"ngram", "transformer"}))
      ->capture_default_str();
  verb->add_option("--model", arguments->model, "A TorchScript masked language model of your own instead");
  verb->add_option("--vocabulary", arguments->vocabulary, "Its tokens, one a line");
  verb->add_option("--most", arguments->most, "Suggestions at most")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  verb->add_option("--threshold", arguments->threshold,
                   "How much less likely than the word a suggestion may be")
      ->capture_default_str();
  verb->callback([&options, arguments] { print(options, {{"suggestions", suggestions(*arguments)}}); });
}

}  // namespace lathe::cli
