#include "lathe/core/database.h"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <limits>
#include <system_error>
#include <thread>

#include "lathe/core/error.h"
#include "lathe/core/printable.h"

namespace lathe::core {
namespace {

constexpr std::chrono::milliseconds kPatience{30000};

}  // namespace

Database::Database(const std::filesystem::path& file) : name_(file.string()) {
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
  try {
    if (sqlite3_open_v2(name_.c_str(), &handle_, flags, nullptr) != SQLITE_OK) fail();
    sqlite3_busy_timeout(handle_, static_cast<int>(kPatience.count()));
    enter_wal_mode();
    execute("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
  } catch (...) {
    sqlite3_close_v2(handle_);
    throw;
  }
}

Database::~Database() {
  sqlite3_close_v2(handle_);
}

void Database::enter_wal_mode() {
  // SQLite answers "busy" at once, without its patience, when two processes change the mode together.
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (true) {
    const int result = sqlite3_exec(handle_, "PRAGMA journal_mode = WAL", nullptr, nullptr, nullptr);
    if (result == SQLITE_OK) return;
    if ((result & 0xff) != SQLITE_BUSY || std::chrono::steady_clock::now() > deadline) fail();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

void Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

int64_t Database::query_integer(std::string_view sql) {
  Statement statement(*this, sql);
  statement.step();
  return statement.integer(0);
}

int64_t Database::last_row() const {
  return sqlite3_last_insert_rowid(handle_);
}

int64_t Database::num_changes() const {
  return sqlite3_changes64(handle_);
}

void Database::fail() const {
  if (handle_ == nullptr) throw Error("{}: out of memory", name_);
  const int code = sqlite3_errcode(handle_) & 0xff;
  throw Error("{}: {}{}", name_, printable(sqlite3_errmsg(handle_)),
              code == SQLITE_CANTOPEN ? why_not_open()
              : code == SQLITE_IOERR  ? why_not_written()
                                      : "");
}

// SQLite keeps the reason of its last attempt, which is to open an existing file for reading only.
std::string Database::why_not_open() const {
  const std::filesystem::path file(name_);
  const std::filesystem::path parent = file.has_parent_path() ? file.parent_path() : ".";
  const bool exists = access(file.c_str(), F_OK) == 0;
  const bool permitted = access(exists ? file.c_str() : parent.c_str(), R_OK | W_OK) == 0;
  const int error = permitted ? sqlite3_system_errno(handle_) : errno;
  return error == 0 ? "" : fmt::format(" ({})", std::generic_category().message(error));
}

// The write-ahead log's index of 32 KiB has no error of its own for a full disk.
std::string Database::why_not_written() const {
  constexpr uintmax_t kIndexBytes = 32 << 10;
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::absolute(name_, error).parent_path();
  const auto space = std::filesystem::space(parent, error);
  return !error && space.available < kIndexBytes ? " (its disk is full)" : "";
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  if (sqlite3_prepare_v3(database.handle_, sql.data(), static_cast<int>(sql.size()), 0, &handle_, nullptr) !=
      SQLITE_OK)
    database.fail();
}

Statement::~Statement() {
  sqlite3_finalize(handle_);
}

void Statement::reset() {
  sqlite3_reset(handle_);  // repeats the failure of the last step, which was thrown already
}

void Statement::bind_one(int index, int64_t value) {
  if (sqlite3_bind_int64(handle_, index, value) != SQLITE_OK) database_.fail();
}

void Statement::bind_one(int index, double value) {
  if (sqlite3_bind_double(handle_, index, value) != SQLITE_OK) database_.fail();
}

void Statement::bind_one(int index, std::string_view value) {
  const char* data = value.data() == nullptr ? "" : value.data();  // a null pointer would bind NULL
  if (sqlite3_bind_text64(handle_, index, data, value.size(), SQLITE_STATIC, SQLITE_UTF8) != SQLITE_OK)
    database_.fail();
}

bool Statement::step() {
  const int result = sqlite3_step(handle_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) database_.fail();
  sqlite3_reset(handle_);  // or a finished write would keep its lock until the next use
  return false;
}

int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(handle_, column);
}

double Statement::number(int column) const {
  if (sqlite3_column_type(handle_, column) == SQLITE_NULL) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(handle_, column);
}

std::string Statement::text(int column) const {
  const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
  return {data == nullptr ? "" : data, static_cast<size_t>(sqlite3_column_bytes(handle_, column))};
}

Transaction::Transaction(Database& database) : database_(database) {
  database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
  if (committed_) return;
  try {
    database_.execute("ROLLBACK");
  } catch (const Error&) {  // SQLite rolled back itself, as it does on a full disk
  }
}

void Transaction::commit() {
  database_.execute("COMMIT");
  committed_ = true;
}

}  // namespace lathe::core
