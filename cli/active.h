#pragma once
#include <optional>
#include <string>

#include "cli/verb.h"
#include "lathe/data/dataset.h"
#include "lathe/evaluate/active/pool.h"
#include "lathe/evaluate/active/report.h"
#include "lathe/pipeline/bundle.h"

// What the methods of `lathe evaluate active` share.
namespace lathe::cli {

// How labels are chosen, as far as somebody says so; the rest is a test's own, or the defaults.
struct ActiveArguments {
  std::optional<std::string> acquisition, loss, proposal, estimator;
  std::optional<double> temperature, floor;
  std::optional<int64_t> start, budget, batch;
  bool uniform_if_zero = false;
};
void add_active_options(CLI::App& verb, ActiveArguments& arguments);
evaluate::active::ActiveOptions active_options(const Options& options, const ActiveArguments& arguments,
                                               evaluate::active::ActiveOptions defaults);

// A bundle's model and its test examples, as a pool.
struct BundlePool {
  evaluate::active::Pool pool;
  data::Dataset examples;
};
BundlePool bundle_pool(const Options& options, const std::string& bundle,
                       const evaluate::active::ActiveOptions& how);

// Tables on standard output, notes under them, and the page where a file is named.
void print_report(const Options& options, const evaluate::active::Report& report, const std::string& page,
                  const std::string& title);

void add_active_ask(CLI::App& parent, Options& options);     // next
void add_active_answer(CLI::App& parent, Options& options);  // answer, weights
void add_active_learn(CLI::App& parent, Options& options);   // run, diagnose

}  // namespace lathe::cli
