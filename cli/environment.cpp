// Some libraries read their settings from the environment while they are loaded, before main. So this runs
// earlier, as the first code of the process, and starts the program again if the environment can be better.
//
// OPENBLAS_CORETYPE: Debian's OpenBLAS 0.3.21 takes AVX2 kernels on AMD processors with AVX-512, half the
// speed.
//
// OMP_WAIT_POLICY, GOMP_SPINCOUNT: threads that spin at OpenMP's barriers stall when another process has the
// core; threads that sleep at once lose 8 % of a training step when none has. A thousand turns lose little
// either way.
//
// What the user has set stays.
#include <cpuid.h>
#include <unistd.h>

#include <cstring>

namespace {

constexpr int kMaxVariables = 4096;

bool is_set(char** environment, const char* name) {
  const size_t length = std::strlen(name);
  for (char** entry = environment; *entry; ++entry)
    if (std::strncmp(*entry, name, length) == 0 && (*entry)[length] == '=') return true;
  return false;
}

bool amd_with_avx512() {
  unsigned a, b, c, d;
  if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx || d != signature_AMD_edx) return false;
  if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return false;
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  if ((low & 0xe6) != 0xe6) return false;  // the system saves the AVX-512 registers
  if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
  constexpr unsigned wanted = bit_AVX512F | bit_AVX512DQ | bit_AVX512BW | bit_AVX512VL;
  return (b & wanted) == wanted;
}

void prepare(int, char** arguments, char** environment) {
  static char* extended[kMaxVariables + 5];
  static char core_type[] = "OPENBLAS_CORETYPE=SkylakeX";
  static char wait_policy[] = "OMP_WAIT_POLICY=passive";
  static char spin_count[] = "GOMP_SPINCOUNT=1000";
  static char done[] = "LATHE_ENVIRONMENT=prepared";
  if (is_set(environment, "LATHE_ENVIRONMENT")) return;
  int count = 0;
  while (environment[count]) ++count;
  if (count > kMaxVariables) return;
  std::memcpy(extended, environment, static_cast<size_t>(count) * sizeof(char*));
  if (!is_set(environment, "OPENBLAS_CORETYPE") && amd_with_avx512()) extended[count++] = core_type;
  if (!is_set(environment, "OMP_WAIT_POLICY")) extended[count++] = wait_policy;
  if (!is_set(environment, "OMP_WAIT_POLICY") && !is_set(environment, "GOMP_SPINCOUNT"))
    extended[count++] = spin_count;
  extended[count++] = done;
  execve("/proc/self/exe", arguments, extended);  // returns only on failure: then go on as we are
}

}  // namespace

__attribute__((section(".preinit_array"), used)) static void (*const prepare_first)(int, char**,
                                                                                    char**) = prepare;
