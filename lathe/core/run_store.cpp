#include "lathe/core/run_store.h"

#include <chrono>
#include <mutex>

#include "lathe/core/database.h"
#include "lathe/core/error.h"
#include "lathe/core/files.h"
#include "lathe/core/json.h"

namespace lathe::core {
namespace {

constexpr int64_t kSchemaVersion = 1;

// Ids grow in the order of insertion, so that a clock that is set back reorders nothing.
constexpr const char* kSchema = R"(
CREATE TABLE runs (
  id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, kind TEXT NOT NULL, state TEXT NOT NULL,
  message TEXT NOT NULL, started REAL NOT NULL, ended REAL NOT NULL, parameters TEXT NOT NULL);
CREATE TABLE metrics (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id), name TEXT NOT NULL, step INTEGER NOT NULL,
  value REAL, split TEXT NOT NULL, unit TEXT NOT NULL);
CREATE INDEX metrics_of_run ON metrics(run, name);
CREATE TABLE artifacts (
  id INTEGER PRIMARY KEY, run INTEGER NOT NULL REFERENCES runs(id), name TEXT NOT NULL, path TEXT NOT NULL);
CREATE INDEX artifacts_of_run ON artifacts(run);
)";

constexpr const char* kRunColumns =
    "SELECT id, name, kind, state, message, started, ended, parameters FROM runs ";
constexpr const char* kMetricColumns = "SELECT name, step, value, split, unit FROM metrics ";

double unix_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

void create_schema(Database& database) {
  const auto version = [&] { return database.query_integer("PRAGMA user_version"); };
  if (version() == 0) {
    Transaction transaction(database);
    if (version() == 0) {  // no other process was faster
      if (database.query_integer("SELECT count(*) FROM sqlite_master") > 0)
        throw Error("{}: is an SQLite file, but no run store", database.name());
      database.execute(kSchema);
      database.execute(fmt::format("PRAGMA user_version = {}", kSchemaVersion));
    }
    transaction.commit();
  }
  if (version() != kSchemaVersion)
    throw Error("{}: has run-store schema {}, this program knows {}", database.name(), version(),
                kSchemaVersion);
}

RunRecord read_run(const Statement& row, const std::string& store) {
  return {.id = row.integer(0),
          .name = row.text(1),
          .kind = row.text(2),
          .state = row.text(3),
          .message = row.text(4),
          .started = row.number(5),
          .ended = row.number(6),
          .parameters = parse_json(row.text(7), fmt::format("{}: run {}", store, row.integer(0)),
                                   "move the file away and lathe begins a new one")};
}

std::vector<Metric> read_metrics(Statement& statement) {
  std::vector<Metric> metrics;
  while (statement.step())
    metrics.push_back({.name = statement.text(0),
                       .step = statement.integer(1),
                       .value = statement.number(2),
                       .split = statement.text(3),
                       .unit = statement.text(4)});
  return metrics;
}

}  // namespace

struct RunStore::Connection {
  explicit Connection(const std::filesystem::path& file) : database(file) {
    create_schema(database);
    insert_metric.emplace(
        database, "INSERT INTO metrics(run, name, step, value, split, unit) VALUES (?, ?, ?, ?, ?, ?)");
  }
  void require_run(int64_t id) {
    Statement statement(database, "SELECT 1 FROM runs WHERE id = ?");
    if (!statement.bind(id).step()) throw InputError("no run {} in {}", id, database.name());
  }
  std::mutex mutex;
  Database database;
  std::optional<Statement> insert_metric;
};

RunStore::RunStore(const std::filesystem::path& file) : connection_(std::make_unique<Connection>(file)) {}
RunStore::~RunStore() = default;
RunStore::RunStore(RunStore&&) noexcept = default;

std::filesystem::path RunStore::default_path() {
  return home_directory() / "runs.db";
}

int64_t RunStore::start(const std::string& name, const std::string& kind, const nlohmann::json& parameters) {
  const std::lock_guard lock(connection_->mutex);
  Database& database = connection_->database;
  const std::string text = parameters.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  Transaction transaction(database);
  Statement(database,
            "INSERT INTO runs(name, kind, state, message, started, ended, parameters) "
            "VALUES (?, ?, 'running', '', ?, 0, ?)")
      .bind(name, kind, unix_seconds(), text)
      .step();
  const int64_t id = database.last_row();
  transaction.commit();
  return id;
}

void RunStore::log(int64_t run, const std::vector<Metric>& metrics) {
  if (metrics.empty()) return;
  const std::lock_guard lock(connection_->mutex);
  Transaction transaction(connection_->database);
  connection_->require_run(run);
  for (const Metric& metric : metrics)
    connection_->insert_metric->bind(run, metric.name, metric.step, metric.value, metric.split, metric.unit)
        .step();
  transaction.commit();
}

void RunStore::add_artifact(int64_t run, const std::string& name, const std::filesystem::path& path) {
  const std::lock_guard lock(connection_->mutex);
  Transaction transaction(connection_->database);
  connection_->require_run(run);
  Statement(connection_->database, "INSERT INTO artifacts(run, name, path) VALUES (?, ?, ?)")
      .bind(run, name, path.string())
      .step();
  transaction.commit();
}

void RunStore::finish(int64_t run, const std::string& state, const std::string& message) {
  const std::lock_guard lock(connection_->mutex);
  Transaction transaction(connection_->database);
  connection_->require_run(run);
  Statement(connection_->database, "UPDATE runs SET state = ?, message = ?, ended = ? WHERE id = ?")
      .bind(state, message, unix_seconds(), run)
      .step();
  transaction.commit();
}

RunRecord RunStore::run(int64_t id) const {
  const std::lock_guard lock(connection_->mutex);
  Statement statement(connection_->database, std::string(kRunColumns) + "WHERE id = ?");
  if (!statement.bind(id).step()) throw InputError("no run {} in {}", id, connection_->database.name());
  return read_run(statement, connection_->database.name());
}

std::vector<RunRecord> RunStore::runs(int64_t limit) const {
  const std::lock_guard lock(connection_->mutex);
  Statement statement(connection_->database, std::string(kRunColumns) + "ORDER BY id DESC LIMIT ?");
  statement.bind(limit);
  std::vector<RunRecord> records;
  while (statement.step()) records.push_back(read_run(statement, connection_->database.name()));
  return records;
}

std::vector<Metric> RunStore::metrics(int64_t run, const std::string& name) const {
  const std::lock_guard lock(connection_->mutex);
  connection_->require_run(run);
  Statement statement(connection_->database,
                      std::string(kMetricColumns) + "WHERE run = ?1 AND (?2 = '' OR name = ?2) ORDER BY id");
  statement.bind(run, name);
  return read_metrics(statement);
}

std::vector<Metric> RunStore::last_metrics(int64_t run) const {
  const std::lock_guard lock(connection_->mutex);
  connection_->require_run(run);
  Statement statement(
      connection_->database,
      std::string(kMetricColumns) +
          "WHERE id IN (SELECT max(id) FROM metrics WHERE run = ? GROUP BY name, split) ORDER BY id");
  statement.bind(run);
  return read_metrics(statement);
}

std::vector<Artifact> RunStore::artifacts(int64_t run) const {
  const std::lock_guard lock(connection_->mutex);
  connection_->require_run(run);
  Statement statement(connection_->database, "SELECT name, path FROM artifacts WHERE run = ? ORDER BY id");
  statement.bind(run);
  std::vector<Artifact> list;
  while (statement.step()) list.push_back({statement.text(0), statement.text(1)});
  return list;
}

}  // namespace lathe::core
