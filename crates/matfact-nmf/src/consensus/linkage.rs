//! Average linkage (UPGMA) of a few thousand points, and what is read off its tree.
//!
//! The nearest-neighbour chain (Benzécri 1982; Murtagh 1983): from any cluster go to its nearest one,
//! and on, until two are nearest to each other; these merge. For average linkage the merges are
//! those of the greedy method, in another order, with O(m²) time and one triangle of distances.

/// A symmetric matrix without its diagonal: entry (i, j), i < j, of m points.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Triangle<V> {
    points: usize,
    values: Vec<V>,
}

impl<V: Copy> Triangle<V> {
    pub(super) fn filled(points: usize, value: V) -> Self {
        let pairs = points * points.saturating_sub(1) / 2;
        Self {
            points,
            values: vec![value; pairs],
        }
    }

    pub(super) fn map<U>(&self, change: impl Fn(V) -> U) -> Triangle<U> {
        Triangle {
            points: self.points,
            values: self.values.iter().map(|value| change(*value)).collect(),
        }
    }

    pub(super) fn values(&self) -> &[V] {
        &self.values
    }

    fn place(&self, i: usize, j: usize) -> usize {
        let (low, high) = if i < j { (i, j) } else { (j, i) };
        low * self.points - low * (low + 1) / 2 + high - low - 1
    }

    pub(super) fn get(&self, i: usize, j: usize) -> V {
        self.values[self.place(i, j)]
    }

    pub(super) fn get_mut(&mut self, i: usize, j: usize) -> &mut V {
        let place = self.place(i, j);
        &mut self.values[place]
    }
}

/// Two clusters, named by a point of each, that merge at a height.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Merge {
    points: [usize; 2],
    height: f64,
}

/// The merges of all points, by height.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    points: usize,
    merges: Vec<Merge>,
}

impl Tree {
    /// The tree of average linkage; ties go to the cluster of the lowest slot.
    pub(super) fn average(distances: &Triangle<f64>) -> Self {
        let points = distances.points;
        let mut distances = distances.clone();
        let mut sizes = vec![1_usize; points];
        let mut active: Vec<usize> = (0..points).collect();
        let mut merges = Vec::with_capacity(points.saturating_sub(1));
        let mut chain: Vec<usize> = Vec::new();
        while active.len() > 1 {
            if chain.is_empty() {
                chain.push(active[0]);
            }
            let tip = chain[chain.len() - 1];
            let previous = chain.len().checked_sub(2).map(|place| chain[place]);
            // The previous cluster wins ties, or the chain could run in a circle.
            let mut nearest = previous.map(|slot| (slot, distances.get(tip, slot)));
            for slot in active.iter().copied().filter(|slot| *slot != tip) {
                let distance = distances.get(tip, slot);
                if nearest.is_none_or(|(_, least)| distance < least) {
                    nearest = Some((slot, distance));
                }
            }
            let (slot, height) = nearest.expect("there is another cluster");
            if Some(slot) != previous {
                chain.push(slot);
                continue;
            }
            chain.truncate(chain.len() - 2);
            let (keep, gone) = (tip.min(slot), tip.max(slot));
            let (kept, added) = (sizes[keep] as f64, sizes[gone] as f64);
            active.retain(|other| *other != gone);
            for other in active.iter().copied().filter(|other| *other != keep) {
                let sum = kept * distances.get(keep, other) + added * distances.get(gone, other);
                *distances.get_mut(keep, other) = sum / (kept + added);
            }
            sizes[keep] += sizes[gone];
            merges.push(Merge {
                points: [keep, gone],
                height,
            });
        }
        merges.sort_by(|a, b| a.height.total_cmp(&b.height));
        Self { points, merges }
    }

    /// The cluster of each point when the tree is cut into `count` of them, numbered by their first
    /// points.
    pub(super) fn cut(&self, count: usize) -> Vec<usize> {
        let mut clusters = Clusters::new(self.points);
        let merges = self.points.saturating_sub(count.max(1));
        for merge in &self.merges[..merges] {
            clusters.join(merge.points);
        }
        let mut numbers = vec![usize::MAX; self.points];
        let mut next = 0;
        (0..self.points)
            .map(|point| {
                let cluster = clusters.of[point];
                if numbers[cluster] == usize::MAX {
                    numbers[cluster] = next;
                    next += 1;
                }
                numbers[cluster]
            })
            .collect()
    }

    /// The correlation of the distances with the heights at which their points meet in the tree; 1 if
    /// all distances are equal, which the tree repeats exactly.
    pub(super) fn cophenetic_correlation(&self, distances: &Triangle<f64>) -> f64 {
        let pairs = distances.values.len() as f64;
        if distances.values.is_empty() {
            return 1.0;
        }
        let mean = distances.values.iter().sum::<f64>() / pairs;
        let mut clusters = Clusters::new(self.points);
        let mut heights = 0.0;
        for merge in &self.merges {
            let [a, b] = merge
                .points
                .map(|point| clusters.members(point).len() as f64);
            heights += merge.height * a * b;
            clusters.join(merge.points);
        }
        let mean_height = heights / pairs;
        let mut clusters = Clusters::new(self.points);
        let (mut squares, mut height_squares, mut products) = (0.0, 0.0, 0.0);
        for merge in &self.merges {
            let height = merge.height - mean_height;
            let [a, b] = merge.points.map(|point| clusters.members(point));
            for i in a {
                for j in b {
                    let distance = distances.get(*i, *j) - mean;
                    squares += distance * distance;
                    products += distance * height;
                }
            }
            height_squares += height * height * (a.len() * b.len()) as f64;
            clusters.join(merge.points);
        }
        let rounding = f64::EPSILON * pairs * mean * mean;
        if squares <= rounding {
            return 1.0;
        }
        if height_squares <= rounding {
            return 0.0;
        }
        products / (squares * height_squares).sqrt()
    }
}

/// Disjoint sets with their members.
struct Clusters {
    /// The cluster of each point.
    of: Vec<usize>,
    members: Vec<Vec<usize>>,
}

impl Clusters {
    fn new(points: usize) -> Self {
        Self {
            of: (0..points).collect(),
            members: (0..points).map(|point| vec![point]).collect(),
        }
    }

    fn members(&self, point: usize) -> &[usize] {
        &self.members[self.of[point]]
    }

    /// Joins the clusters of two points; the smaller one moves.
    fn join(&mut self, points: [usize; 2]) {
        let [mut into, mut from] = points.map(|point| self.of[point]);
        if self.members[into].len() < self.members[from].len() {
            std::mem::swap(&mut into, &mut from);
        }
        let moving = std::mem::take(&mut self.members[from]);
        for point in &moving {
            self.of[*point] = into;
        }
        self.members[into].extend(moving);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn triangle(points: &[f64]) -> Triangle<f64> {
        let mut distances = Triangle::filled(points.len(), 0.0);
        for j in 0..points.len() {
            for i in 0..j {
                *distances.get_mut(i, j) = (points[i] - points[j]).abs();
            }
        }
        distances
    }

    /// Heights by hand: {0, 1} at 1, {5, 7} at 2, then (5 + 7 + 4 + 6)/4 = 5.5, then 20 against all:
    /// (20 + 19 + 15 + 13)/4 = 16.75.
    #[test]
    fn heights_and_cuts_are_those_of_the_definition() {
        let distances = triangle(&[0.0, 20.0, 5.0, 1.0, 7.0]);
        let tree = Tree::average(&distances);
        let heights: Vec<f64> = tree.merges.iter().map(|merge| merge.height).collect();
        assert_eq!(heights, [1.0, 2.0, 5.5, 16.75]);
        assert_eq!(tree.cut(1), [0; 5]);
        assert_eq!(tree.cut(2), [0, 1, 0, 0, 0]);
        assert_eq!(tree.cut(3), [0, 1, 2, 0, 2]);
        assert_eq!(tree.cut(5), [0, 1, 2, 3, 4]);
        assert_eq!(tree.cut(9), [0, 1, 2, 3, 4]);
    }

    /// The correlation of (20, 5, 1, 7, 15, 19, 13, 4, 2, 6) with the heights
    /// (16.75, 5.5, 1, 5.5, 16.75, 16.75, 16.75, 5.5, 2, 5.5).
    #[test]
    fn the_cophenetic_correlation_is_that_of_the_definition() {
        let distances = triangle(&[0.0, 20.0, 5.0, 1.0, 7.0]);
        let tree = Tree::average(&distances);
        let d = [20.0, 5.0, 1.0, 7.0, 15.0, 19.0, 13.0, 4.0, 2.0, 6.0];
        let h = [16.75, 5.5, 1.0, 5.5, 16.75, 16.75, 16.75, 5.5, 2.0, 5.5];
        let mean = |v: &[f64]| v.iter().sum::<f64>() / 10.0;
        let (d_mean, h_mean) = (mean(&d), mean(&h));
        let sum = |f: &dyn Fn(usize) -> f64| (0..10).map(f).sum::<f64>();
        let expected = sum(&|i| (d[i] - d_mean) * (h[i] - h_mean))
            / (sum(&|i| (d[i] - d_mean).powi(2)) * sum(&|i| (h[i] - h_mean).powi(2))).sqrt();
        assert!((tree.cophenetic_correlation(&distances) - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_distances_and_single_points_are_clean() {
        for points in [1, 2, 3, 40] {
            for value in [0.0, 0.7] {
                let distances = Triangle::filled(points, value);
                let tree = Tree::average(&distances);
                assert_eq!(tree.merges.len(), points - 1);
                assert_eq!(tree.cophenetic_correlation(&distances), 1.0);
            }
        }
    }

    /// The chain gives the merges of the greedy definition.
    #[test]
    fn the_chain_agrees_with_the_greedy_method() {
        let points: Vec<f64> = (0..30_u32).map(|i| f64::from((i * 7919) % 1009)).collect();
        let distances = triangle(&points);
        let heights: Vec<f64> = Tree::average(&distances)
            .merges
            .iter()
            .map(|merge| merge.height)
            .collect();
        let mut clusters: Vec<Vec<usize>> = (0..30).map(|i| vec![i]).collect();
        for height in heights {
            let mut best = (f64::INFINITY, 0, 0);
            for a in 0..clusters.len() {
                for b in a + 1..clusters.len() {
                    let pairs = clusters[a].len() * clusters[b].len();
                    let sum: f64 = clusters[a]
                        .iter()
                        .flat_map(|i| clusters[b].iter().map(|j| distances.get(*i, *j)))
                        .sum();
                    if sum / (pairs as f64) < best.0 {
                        best = (sum / pairs as f64, a, b);
                    }
                }
            }
            assert!((best.0 - height).abs() < 1e-9, "{} {height}", best.0);
            let gone = clusters.remove(best.2);
            clusters[best.1].extend(gone);
        }
    }
}
