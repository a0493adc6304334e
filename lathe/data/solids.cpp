#include <algorithm>
#include <array>
#include <cmath>

#include "lathe/core/error.h"
#include "lathe/core/parallel.h"
#include "lathe/data/objects.h"

namespace lathe::data {
namespace {

struct Vector {
  double x = 0, y = 0, z = 0;
};
Vector operator+(Vector a, Vector b) {
  return {a.x + b.x, a.y + b.y, a.z + b.z};
}
Vector operator*(double s, Vector a) {
  return {s * a.x, s * a.y, s * a.z};
}
double dot(Vector a, Vector b) {
  return a.x * b.x + a.y * b.y + a.z * b.z;
}
double norm(Vector a) {
  return std::sqrt(dot(a, a));
}
Vector normalised(Vector a) {
  return (1 / norm(a)) * a;
}

// Signed distances (or less) to the solids' surfaces; all fit into the unit sphere.
double sphere(Vector p) {
  return norm(p) - 0.85;
}
double cube(Vector p) {
  const Vector q = {std::abs(p.x) - 0.55, std::abs(p.y) - 0.55, std::abs(p.z) - 0.55};
  const Vector outside = {std::max(q.x, 0.0), std::max(q.y, 0.0), std::max(q.z, 0.0)};
  return norm(outside) + std::min(std::max({q.x, q.y, q.z}), 0.0);
}
double cylinder(Vector p) {
  return std::max(std::hypot(p.x, p.z) - 0.5, std::abs(p.y) - 0.75);
}
double cone(Vector p) {
  const double slope = 0.4;  // radius over height
  const double side = (std::hypot(p.x, p.z) - slope * (0.85 - p.y)) / std::hypot(1, slope);
  return std::max(side, -0.65 - p.y);
}
double torus(Vector p) {
  return std::hypot(std::hypot(p.x, p.z) - 0.65, p.y) - 0.25;
}
double tetrahedron(Vector p) {
  return (std::max(std::abs(p.x + p.y) - p.z, std::abs(p.x - p.y) + p.z) - 0.57) / std::sqrt(3.0);
}
double capsule(Vector p) {
  return norm({p.x, p.y - std::clamp(p.y, -0.55, 0.55), p.z}) - 0.35;
}
double prism(Vector p) {
  return std::max(std::abs(p.y) - 0.7, std::max(0.866 * std::abs(p.x) + 0.5 * p.z, -p.z) - 0.33);
}
double octahedron(Vector p) {
  return (std::abs(p.x) + std::abs(p.y) + std::abs(p.z) - 0.95) / std::sqrt(3.0);
}
double dumbbell(Vector p) {
  const double ends = norm({p.x, std::abs(p.y) - 0.55, p.z}) - 0.38;
  return std::min(ends, std::max(std::hypot(p.x, p.z) - 0.13, std::abs(p.y) - 0.55));
}

using Distance = double (*)(Vector);
constexpr std::array<Distance, 10> kSolids = {sphere,      cube,    cylinder, cone,       torus,
                                              tetrahedron, capsule, prism,    octahedron, dumbbell};
const std::vector<std::string> kNames = {"sphere",      "cube",    "cylinder", "cone",       "torus",
                                         "tetrahedron", "capsule", "prism",    "octahedron", "dumbbell"};

struct Rotation {
  Vector rows[3];
  Vector operator()(Vector p) const { return {dot(rows[0], p), dot(rows[1], p), dot(rows[2], p)}; }
};

// Uniform over all rotations: a uniform quaternion (Shoemake 1992).
Rotation random_rotation(core::Random& random) {
  const double kTurn = 2 * 3.14159265358979323846;
  const double u = random.uniform(), a = kTurn * random.uniform(), b = kTurn * random.uniform();
  const double x = std::sqrt(1 - u) * std::sin(a), y = std::sqrt(1 - u) * std::cos(a),
               z = std::sqrt(u) * std::sin(b), w = std::sqrt(u) * std::cos(b);
  return {{{1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)},
           {2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)},
           {2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)}}};
}

Vector normal_at(Distance distance, Vector p) {
  constexpr double kStep = 1e-4;
  const auto along = [&](Vector e) { return distance(p + kStep * e) - distance(p + (-kStep) * e); };
  return normalised({along({1, 0, 0}), along({0, 1, 0}), along({0, 0, 1})});
}

// Along the view, -z, from the unit sphere on; the way to the surface, or nothing (negative).
double march(Distance distance, const Rotation& turn, Vector from) {
  constexpr int kMostSteps = 48;
  constexpr double kNear = 2e-3;
  double way = 0;
  for (int step = 0; step < kMostSteps && way < 2; ++step) {
    const double left = distance(turn(from + way * Vector{0, 0, -1}));
    if (left < kNear) return way;
    way += left;
  }
  return -1;
}

// Four rays a pixel; colours are means over the rays that hit.
void draw(Distance distance, int64_t size, core::Random& random, uint8_t* image) {
  const Rotation turn = random_rotation(random);
  const auto side = static_cast<double>(size);
  const double radius = side * random.uniform(0.3, 0.45);
  const double room = side / 2 - radius;
  const double cx = side / 2 + random.uniform(-room, room), cy = side / 2 + random.uniform(-room, room);
  const double colour[] = {random.uniform(60, 255), random.uniform(60, 255), random.uniform(60, 255)};
  const Vector lamp = normalised({random.uniform(-1, 1), random.uniform(0.2, 1), 1});
  const int64_t plane = size * size;
  for (int64_t row = 0; row < size; ++row)
    for (int64_t column = 0; column < size; ++column) {
      int hits = 0;
      double light = 0;
      for (int ray = 0; ray < 4; ++ray) {
        const double x = (static_cast<double>(column) + 0.25 + 0.5 * (ray % 2) - cx) / radius,
                     y = (cy - static_cast<double>(row) - 0.25 - 0.5 * (ray / 2)) / radius;
        const double reach = 1 - x * x - y * y;
        if (reach <= 0) continue;
        const Vector from = {x, y, std::sqrt(reach)};
        const double way = march(distance, turn, from);
        if (way < 0) continue;
        ++hits;
        const Vector normal = normal_at(distance, turn(from + way * Vector{0, 0, -1}));
        light += 0.35 + 0.65 * std::max(0.0, dot(normal, turn(lamp)));
      }
      const int64_t pixel = row * size + column;
      for (int64_t c = 0; c < 3; ++c)
        image[c * plane + pixel] = static_cast<uint8_t>(hits > 0 ? std::lround(colour[c] * light / hits) : 0);
      image[3 * plane + pixel] = static_cast<uint8_t>(std::lround(255 * hits / 4.0));
    }
}

}  // namespace

Dataset solids(const ObjectOptions& o, core::Seed seed) {
  if (o.size < 16 || o.size > 512)
    throw InputError("images of solids must have a side of 16 to 512 pixels, got {}", o.size);
  if (o.num_images < 1) throw InputError("num_images must be positive, got {}", o.num_images);
  Dataset dataset;
  dataset.schema.shape = {4, o.size, o.size};
  dataset.schema.classes = kNames;
  dataset.targets = torch::arange(o.num_images, torch::kInt64).remainder(static_cast<int64_t>(kNames.size()));
  dataset.inputs = torch::empty({o.num_images, 4, o.size, o.size}, torch::kUInt8);
  uint8_t* images = dataset.inputs.data_ptr<uint8_t>();
  core::parallel_for(o.num_images, 16, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      core::Random random = seed.stream(static_cast<uint64_t>(i)).random();
      draw(kSolids[static_cast<size_t>(i) % kSolids.size()], o.size, random,
           images + i * 4 * o.size * o.size);
    }
  });
  return dataset;
}

}  // namespace lathe::data
