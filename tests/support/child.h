#pragma once
#include <string>
#include <vector>

namespace lathe::testing_support {

// The command that runs one test of this very program in another process. Such a test is named DISABLED_…, so
// that it runs only when it is called, and takes what it needs from the environment.
inline std::vector<std::string> child_test(const std::string& name) {
  return {"/proc/self/exe", "--gtest_filter=" + name, "--gtest_also_run_disabled_tests", "--gtest_brief=1"};
}

}  // namespace lathe::testing_support
