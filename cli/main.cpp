#include <malloc.h>
#include <torch/torch.h>

#include <cerrno>
#include <cstring>
#include <iostream>

#include "cli/verb.h"
#include "lathe/core/edit_distance.h"
#include "lathe/core/error.h"
#include "lathe/core/progress.h"

namespace {

// Training frees and takes the same large activations every step. glibc would map and unmap them each time;
// kept, they cost no page faults.
void keep_large_allocations() {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, 64 << 20);
}

// CLI11 finds out what is missing before what is unknown; to the user the unknown word is the mistake.
std::string message(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App* verb = &app;
  while (!verb->get_subcommands().empty()) verb = verb->get_subcommands().back();
  std::string path;
  for (const CLI::App* part = verb; part; part = part->get_parent())
    path = part->get_name() + (path.empty() ? "" : " ") + path;
  const auto unknown = app.remaining(/*recurse=*/true);
  if (unknown.empty()) return fmt::format("{} (see {} --help)", error.what(), path);

  const std::string& word = unknown.front();
  std::vector<std::string> known;
  for (const CLI::App* sub : verb->get_subcommands([](const CLI::App*) { return true; }))
    known.push_back(sub->get_name());
  for (const CLI::Option* option : verb->get_options())
    for (const std::string& name : option->get_lnames()) known.push_back("--" + name);
  const auto nearest = lathe::core::nearest(word, known);
  return fmt::format("{} does not know {}{} (see {} --help)", path, word,
                     nearest ? ", did you mean " + *nearest + "?" : "", path);
}

void add_verbs(CLI::App& app, lathe::cli::Options& options) {
  using namespace lathe::cli;
  for (const auto add : {add_run, add_init, add_data, add_train, add_compile, add_evaluate, add_predict,
                         add_report, add_study, add_runs, add_doctor})
    add(app, options);
  add_completion(app);
}

// TorchScript's messages are pages with the place in the model's code; the first line says what is wrong.
int complain(const std::string& what, int exit_code) {
  std::cerr << "lathe: " << what.substr(0, what.find('\n')) << "\n";
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  keep_large_allocations();
  CLI::App app("lathe: from a dataset to a trained, measured model", "lathe");
  app.set_version_flag("--version", LATHE_VERSION);
  app.require_subcommand(1);
  app.footer("Start with: lathe run examples/fashion_mnist.toml");
  lathe::cli::Options options;
  app.parse_complete_callback([&] { lathe::core::Progress::set_quiet(options.quiet); });
  try {
    add_verbs(app, options);
    app.parse(argc, argv);
    std::cout.flush();
    if (!std::cout) throw lathe::Error("cannot write to standard output: {}", std::strerror(errno));
    return 0;
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    return complain(message(app, error), 2);
  } catch (const lathe::Error& error) {
    return complain(error.what(), lathe::exit_code(error));
  } catch (const c10::Error& error) {
    return complain(std::string("libtorch: ") + error.what_without_backtrace(), 1);
  } catch (const std::exception& error) {
    return complain(error.what(), 1);
  }
}
