#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

// The grammar of templates. Inside of a text:
//   {tag}         the value of the lexicon `tag`; the same value wherever the same tag stands
//   {tag2}        a second, independent value of the lexicon `tag`: trailing digits tell copies apart
//   {a:tag}       the value after its article, "an engineer"; {A:tag} with a capital
//   {tag.field}   a field of an entry that is a record; {tag[0]} an element of one that is a tuple
//   {mask}        a word that a language model suggests; several of them in one text are one fill of several
//                 words. {t20:mask} keeps the 20 best fills (default 100).
//   {{ and }}     braces
namespace lathe::evaluate::checklist {

enum class Article { kNone, kSmall, kCapital };

// What a tag stands for at one place: a part of its entry, with or without an article.
struct Reference {
  size_t tag = 0;                      // of Template::tags
  nlohmann::json::json_pointer field;  // into the entry; empty: all of it
  Article article = Article::kNone;
  bool operator==(const Reference& other) const {
    return tag == other.tag && field == other.field && article == other.article;
  }
};

// A piece of a text: fixed characters, then the value of a reference (the last piece of a text may have
// none).
struct Piece {
  std::string text;
  std::optional<size_t> reference;  // of Template::references
};

// One text of a template.
struct Leaf {
  std::string
      name;  // its place in the template: "text" alone, "0" and "1" of a pair, a record's keys ("a/b" inside)
  std::vector<Piece> pieces;
};

struct Tag {
  std::string name;     // "male2"
  std::string lexicon;  // "male"
};

struct Mask {
  size_t tag = 0;            // of Template::tags; its entries are the fills
  size_t num_words = 1;      // in every text that has a mask
  int64_t most_fills = 100;  // Ribeiro et al.'s tool shows 100
};

struct Template {
  std::string text;  // as written, for errors
  std::vector<Leaf> leaves;
  std::vector<Tag> tags;  // by first appearance
  std::vector<Reference> references;
  std::optional<Mask> mask;
};

// Parses any JSON value whose leaves are texts. Throws InputError with the column (in characters, from 1) for
// what is no template, and for two families of masks.
Template parse_template(const nlohmann::json& value);
// Parses more texts with the tags of a template, for labels. Throws for a tag that the template does not
// have.
std::vector<Leaf> parse_with_tags(Template& known, const nlohmann::json& value);

}  // namespace lathe::evaluate::checklist
