//! From a scene to the values of its picture.

use super::random::Random;
use super::scene::{Background, Bottle, Camera, Colour, Glare, Label, Scene, Tint};
use super::{CHANNELS, MIDDLE, PIXELS};

/// A pixel is the mean of so many points in each direction.
const POINTS: usize = 3;

/// Where the cap begins.
const CAP: f64 = 0.93;

/// The values of a picture, row by row, channels last, from 0 to 255; `random` is for the noise.
pub(super) fn paint(scene: &Scene, random: &mut Random) -> Vec<f32> {
    let mut sharp = Vec::with_capacity(PIXELS * PIXELS);
    for row in 0..PIXELS {
        for column in 0..PIXELS {
            sharp.push(pixel(scene, row, column));
        }
    }
    take(&sharp, &scene.camera, random)
}

/// What the camera makes of it: blurred, with noise, in whole numbers.
fn take(sharp: &[Colour], camera: &Camera, random: &mut Random) -> Vec<f32> {
    let mut values = Vec::with_capacity(sharp.len() * CHANNELS);
    for index in 0..sharp.len() {
        let (row, column) = (index / PIXELS, index % PIXELS);
        let mut neighbours = vec![];
        for y in row.saturating_sub(1)..(row + 2).min(PIXELS) {
            for x in column.saturating_sub(1)..(column + 2).min(PIXELS) {
                neighbours.push(sharp[y * PIXELS + x]);
            }
        }
        let blurred = mix(sharp[index], mean(&neighbours), camera.blur);
        for share in blurred {
            let seen = share + camera.noise * random.normal();
            values.push((255.0 * seen.clamp(0.0, 1.0)).round() as f32);
        }
    }
    values
}

fn pixel(scene: &Scene, row: usize, column: usize) -> Colour {
    let mut points = vec![];
    for down in 0..POINTS {
        for right in 0..POINTS {
            let middle = |index: usize| (index as f64 + 0.5) / POINTS as f64;
            points.push(point(scene, column as f64 + middle(right), row as f64 + middle(down)));
        }
    }
    mean(&points)
}

/// The colour of a point, lit.
fn point(scene: &Scene, x: f64, y: f64) -> Colour {
    let behind = background(&scene.background, x, y);
    let [along, across] = scene.bottle.place(x, y);
    let half_width = scene.bottle.half_width(along);
    let side = across / half_width;
    let is_cap = scene.cap.is_some() && along >= CAP;
    let is_inside = (0.0..=1.0).contains(&along) && side.abs() <= if is_cap { 1.2 } else { 1.0 };
    let [right, down] = scene.light.gradient;
    let gradient = 1.0 + right * (x - MIDDLE) + down * (y - MIDDLE);
    let lit = |colour: Colour| {
        let [red, green, blue] = scene.light.brightness;
        [colour[0] * red, colour[1] * green, colour[2] * blue].map(|share| share * gradient)
    };
    if !is_inside {
        return lit(behind);
    }
    let seen = match (&scene.label, scene.cap) {
        (_, Some(cap)) if is_cap => cap,
        (Some(label), _) if label.covers(along, side) => label.colour(along, side),
        _ => over(scene.glass, over_liquid(scene, behind, x, y)),
    };
    let shade = 1.0 - scene.light.shade * side * side;
    let white = scene.glare.iter().map(|glare| glare.at(along, side)).sum::<f64>().min(1.0);
    mix(lit(seen.map(|share| share * shade)), [1.0; 3], if is_cap { 0.0 } else { white })
}

/// What is seen through the liquid, if there is any: its surface is level, however the bottle leans.
fn over_liquid(scene: &Scene, behind: Colour, x: f64, y: f64) -> Colour {
    let bottle = &scene.bottle;
    let along = scene.level * bottle.shoulder[1];
    let [middle, surface] = bottle.axis(along);
    let reach = bottle.half_width(along);
    // Seen from a little above, the surface is a narrow ellipse, brighter than the liquid.
    let (right, down) = ((x - middle) / reach, (y - surface) / (0.12 * reach));
    if right * right + down * down <= 1.0 {
        let Tint { colour, opacity } = scene.liquid;
        over(Tint { colour: mix(colour, [1.0; 3], 0.2), opacity: 0.7 * opacity }, behind)
    } else if y >= surface {
        over(scene.liquid, behind)
    } else {
        behind
    }
}

fn background(background: &Background, x: f64, y: f64) -> Colour {
    let covers = |[left, top, right, bottom]: [f64; 4]| {
        (left..right).contains(&x) && (top..bottom).contains(&y)
    };
    if let Some(nearest) = background.boxes.iter().rfind(|clutter| covers(clutter.corners)) {
        return nearest.colour;
    }
    if y >= background.horizon {
        return background.table;
    }
    let [top, bottom] = background.wall;
    let stripes = &background.stripes;
    let stripe = ((x + stripes.slope * y) / stripes.period).floor();
    let is_bright = stripe / 2.0 == (stripe / 2.0).floor();
    let share = if is_bright { 1.0 + stripes.contrast } else { 1.0 };
    mix(top, bottom, y / PIXELS as f64).map(|colour| colour * share)
}

impl Bottle {
    /// Where a point is: its share of the way from foot to mouth, and pixels from the axis.
    fn place(&self, x: f64, y: f64) -> [f64; 2] {
        let length = (1.0 + self.tilt * self.tilt).sqrt();
        let (right, up) = (x - self.foot[0], self.foot[1] - y);
        let along = (up + self.tilt * right) / length;
        [along / self.height, (right - self.tilt * up) / length]
    }

    /// Column and row of a point of the axis.
    fn axis(&self, along: f64) -> [f64; 2] {
        let up = along * self.height / (1.0 + self.tilt * self.tilt).sqrt();
        [self.foot[0] + self.tilt * up, self.foot[1] - up]
    }

    fn half_width(&self, along: f64) -> f64 {
        let [end_of_body, start_of_neck] = self.shoulder;
        let half_way = (along / end_of_body).clamp(0.0, 1.0);
        let body = self.body * (1.0 + self.belly * 4.0 * half_way * (1.0 - half_way));
        let to_neck = ((along - end_of_body) / (start_of_neck - end_of_body)).clamp(0.0, 1.0);
        let smooth = to_neck * to_neck * (3.0 - 2.0 * to_neck);
        let below_rounding = (1.0 - along / self.rounding).clamp(0.0, 1.0);
        (body + (self.neck - body) * smooth) * (1.0 - 0.3 * below_rounding * below_rounding)
    }
}

impl Label {
    fn covers(&self, along: f64, side: f64) -> bool {
        (self.bottom..self.top).contains(&along) && side.abs() < self.reach
    }

    /// A band of the second colour in its middle.
    fn colour(&self, along: f64, side: f64) -> Colour {
        let from_middle = (2.0 * along - self.bottom - self.top).abs() / (self.top - self.bottom);
        let is_band = from_middle < 0.4 && side.abs() < 0.7 * self.reach;
        self.colours[usize::from(is_band)]
    }
}

impl Glare {
    /// How white it makes the glass.
    fn at(&self, along: f64, side: f64) -> f64 {
        let across = (side - self.across[0]) / self.across[1];
        let from_middle = (along - self.along[0]) / self.along[1];
        let fades = (1.0 - 4.0 * from_middle * from_middle).max(0.0);
        self.strength * fades / (1.0 + across * across * across * across)
    }
}

fn over(tint: Tint, behind: Colour) -> Colour {
    mix(behind, tint.colour, tint.opacity)
}

fn mix(first: Colour, second: Colour, share_of_second: f64) -> Colour {
    [0, 1, 2].map(|channel| first[channel] + share_of_second * (second[channel] - first[channel]))
}

fn mean(colours: &[Colour]) -> Colour {
    [0, 1, 2].map(|channel| {
        colours.iter().map(|colour| colour[channel]).sum::<f64>() / colours.len() as f64
    })
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Light, Stripes};
    use super::*;

    const RED: Colour = [1.0, 0.0, 0.0];
    const WHITE: Colour = [1.0; 3];

    /// Red liquid in clear glass before a white wall, in even light.
    fn plain(level: f64, tilt: f64) -> Scene {
        Scene {
            bottle: Bottle {
                foot: [16.0, 31.0],
                height: 30.0,
                tilt,
                body: 6.0,
                neck: 3.0,
                belly: 0.0,
                shoulder: [0.7, 0.8],
                rounding: 0.02,
            },
            level,
            liquid: Tint { colour: RED, opacity: 1.0 },
            glass: Tint { colour: WHITE, opacity: 0.0 },
            cap: None,
            label: None,
            light: Light { brightness: WHITE, gradient: [0.0; 2], shade: 0.0 },
            glare: vec![],
            background: Background {
                wall: [WHITE; 2],
                table: WHITE,
                horizon: 40.0,
                stripes: Stripes { period: 5.0, slope: 0.0, contrast: 0.0 },
                boxes: vec![],
            },
            camera: Camera { blur: 0.0, noise: 0.0 },
        }
    }

    /// How much of each pixel is red.
    fn red(scene: &Scene) -> Vec<f32> {
        let values = paint(scene, &mut Random::of(0, 0));
        values.chunks(CHANNELS).map(|pixel| 1.0 - pixel[1] / 255.0).collect()
    }

    #[test]
    fn the_surface_stands_where_the_level_says_however_the_bottle_leans() {
        for (level, tilt) in [(0.1, 0.0), (0.5, 0.0), (0.5, 0.12), (0.75, -0.12)] {
            let red = red(&plain(level, tilt));
            let up = level * 0.8 * 30.0 / f64::hypot(1.0, tilt);
            let middle = 16.0 + tilt * up;
            for column in [middle - 3.0, middle, middle + 3.0] {
                let rows = (0..PIXELS).map(|row| red[row * PIXELS + column as usize]);
                let (filled, height) = (f64::from(rows.sum::<f32>()), up);
                // The ellipse rises a little above it, and the foot is narrower and leans.
                assert!((filled - height).abs() < 1.5, "{level} {tilt}: {filled}, not {height}");
            }
        }
    }

    #[test]
    fn nothing_is_painted_outside_of_the_bottle() {
        let red = red(&plain(1.0, 0.0));
        for (index, share) in red.iter().enumerate() {
            let column = index % PIXELS;
            let is_outside = !(10..22).contains(&column);
            assert!(!is_outside || *share == 0.0, "{column}");
        }
        let filled: f32 = red.iter().sum();
        // 21 rows of 12 pixels up to the shoulder, then narrower.
        assert!((252.0..290.0).contains(&filled), "{filled}");
    }
}
