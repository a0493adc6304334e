#include <malloc.h>
#include <torch/torch.h>

#include <cstdio>
#include <iostream>

#include "cli/verb.h"
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

void add_verbs(CLI::App& app, lathe::cli::Options& options) {
  using namespace lathe::cli;
  for (const auto add : {add_run, add_init, add_data, add_train, add_evaluate, add_predict, add_report,
                         add_study, add_runs, add_doctor})
    add(app, options);
  add_completion(app);
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
    return 0;
  } catch (const CLI::Success& success) {
    return app.exit(success);  // --help, --version
  } catch (const CLI::ParseError& error) {
    std::cerr << "lathe: " << error.what() << " (lathe --help lists what there is)\n";
    return 2;
  } catch (const lathe::Error& error) {
    std::cerr << "lathe: " << error.what() << "\n";
    return lathe::exit_code(error);
  } catch (const c10::Error& error) {
    std::cerr << "lathe: libtorch: " << error.what_without_backtrace() << "\n";
    return 1;
  } catch (const std::exception& error) {
    std::cerr << "lathe: " << error.what() << "\n";
    return 1;
  }
}
