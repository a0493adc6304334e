#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lathe/evaluate/checklist/suite.h"

// Suites as people write them.
//
//   name = "reviews"               # default: the file's name
//   description = "Sentiment of short reviews"
//   fields = ["text"]              # names of an input's texts, the default; ["question1", "question2"], …
//   classes = ["negative", "neutral", "positive"]  # in the order of the model's outputs; none: spans of text
//   seed = 0                       # of every draw
//   n = 500                        # run at most as many cases of each test; default: all
//
//   [lexicons]                     # your words; they stand before the built-in ones
//   thing = ["food", "service", "hotel"]
//   country = [{name = "France", people = "French"}, {name = "Spain", people = "Spanish"}]
//   airline = "airlines.csv"       # or a file beside this one (lexicon_file.h)
//
//   [[tests]]
//   name = "negated positive"      # each test has another name
//   capability = "Negation"        # the row of the matrix
//   type = "MFT"                   # MFT, INV or DIR
//   description = "…"
//   template = "The {thing} is not {pos_adj}."
//   labels = "negative"
//
//   [[tests]]
//   name = "typos"
//   capability = "Robustness"
//   type = "INV"
//   corpus = "reviews"
//   perturb = "typos(1)"
//
//   [[tests]]
//   name = "praise helps"
//   capability = "Vocabulary"
//   type = "DIR"
//   case = ["The {thing} was fine.", "The {thing} was fine. I loved it."]
//   expect = "monotonic(label=positive, increasing, tol=0.1)"
//
// Inputs come from exactly one of these keys:
//   template   one input. Of several fields: a list of texts, or a record {question1 = "…", question2 = "…"}
//   templates  a list of templates, whose cases add up
//   case       a list of templates that make one case together: the original, then what was made of it. The
//              same tag has the same value in all of them
//   cases      a list of such cases
//   texts      inputs as they stand, braces and all: a list of texts (of lists, of records)
//   corpus     the name of a corpus, or a file: .txt (an input a line), .csv or .jsonl with the fields as
//              columns or keys, and `label`
//
// How they are expanded:
//   lexicons = {…}, nsamples = 100, zip = true, remove_duplicates = true, as in ExpandOptions
//   labels     one for all (a class's name or number, or a text), or a template with the inputs' tags. A list
//              has one a template, one a text, or with `case` and `cases` one an input of the case. A corpus
//              brings its own
//
// What makes the other inputs of a case from its first:
//   perturb         "typos(1)", or a list, each applied to the original (perturbation.h). One that applies to
//                   no input leaves the test without cases: it is not run, and warnings() says so
//   perturb_fields  a field, or a list of fields, each changed on its own (default: all); "together": all of
//                   them as one text, so that a name changes everywhere
//   originals       how many inputs are perturbed at most, drawn where there are more (default 500)
//   keep_original   whether the original is the first input of the case (default: yes, but for MFT)
//
// What is expected, and how much is run:
//   expect     see expectation.h. Default: MFT "eq", INV "inv(0.1)"; DIR must say
//   tolerance  of inv or monotonic, where `expect` has none
//   n          run at most as many cases of this test
namespace lathe::evaluate::checklist {

struct Corpus {
  std::vector<Example> examples;    // in the order of the suite's fields
  std::vector<std::string> labels;  // none, or one an example
};
// The corpus of that name; nothing where there is none, and a file is looked for.
using CorpusReader = std::function<std::optional<Corpus>(const std::string& name)>;

// Programs that a suite's perturbations run, command(…): a suite is a file from anywhere.
enum class Programs { refuse, run };

struct SuiteOptions {
  std::filesystem::path directory;                // where the files stand that the suite names; empty: here
  CorpusReader corpus;                            // by name
  MaskFiller fill_masks;                          // for {mask}
  std::vector<std::string> tests;                 // only those (see with_tests); empty: all
  int64_t max_cases = ExpandOptions().max_cases;  // of a template
  std::optional<uint64_t> seed;                   // instead of the suite's
  Programs programs = Programs::refuse;
};

// Throws InputError with key and line: "tests[3].labels … (suite.toml:41)".
Suite parse_suite_toml(std::string_view toml, const std::string& file, const SuiteOptions& options = {});

// A corpus from a file, see above.
Corpus read_corpus(const std::filesystem::path& file, const std::vector<std::string>& fields);

}  // namespace lathe::evaluate::checklist
