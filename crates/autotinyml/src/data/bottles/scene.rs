//! What a picture shows. Lengths are in pixels, colours and opacities from 0 to 1.

use super::MIDDLE;
use super::random::Random;

/// Red, green, blue.
pub(super) type Colour = [f64; 3];

/// What light leaves of what is behind: this colour, so opaque.
#[derive(Clone, Copy)]
pub(super) struct Tint {
    pub(super) colour: Colour,
    pub(super) opacity: f64,
}

/// One picture, before the camera takes it.
pub(super) struct Scene {
    pub(super) bottle: Bottle,
    /// Share of the way from foot to neck up to which the bottle is filled.
    pub(super) level: f64,
    pub(super) liquid: Tint,
    pub(super) glass: Tint,
    pub(super) cap: Option<Colour>,
    pub(super) label: Option<Label>,
    pub(super) light: Light,
    pub(super) glare: Vec<Glare>,
    pub(super) background: Background,
    pub(super) camera: Camera,
}

/// A shape turned around its axis, from its foot (0) to its mouth (1).
pub(super) struct Bottle {
    /// Column and row of the middle of its foot.
    pub(super) foot: [f64; 2],
    pub(super) height: f64,
    /// To the right for each step up.
    pub(super) tilt: f64,
    /// Half of its width: body and neck.
    pub(super) body: f64,
    pub(super) neck: f64,
    /// Wider (or narrower, if negative) half way up the body, as a share.
    pub(super) belly: f64,
    /// Where the body ends and the neck begins.
    pub(super) shoulder: [f64; 2],
    /// How round the foot's edge is, as a share of the height.
    pub(super) rounding: f64,
}

/// Paper around the body, not all the way to the sides.
pub(super) struct Label {
    pub(super) colours: [Colour; 2],
    pub(super) bottom: f64,
    pub(super) top: f64,
    /// From the axis, as a share of half the width.
    pub(super) reach: f64,
}

/// Where light comes from.
pub(super) struct Light {
    pub(super) brightness: Colour,
    /// More for each pixel to the right and down, as a share.
    pub(super) gradient: [f64; 2],
    /// Share that is missing at the sides of the bottle.
    pub(super) shade: f64,
}

/// A white streak along the glass.
pub(super) struct Glare {
    /// From the axis, as a share of half the width: place and width.
    pub(super) across: [f64; 2],
    /// Middle and length, as shares of the height.
    pub(super) along: [f64; 2],
    pub(super) strength: f64,
}

/// What is behind the bottle.
pub(super) struct Background {
    /// At the top and at the bottom of the picture.
    pub(super) wall: [Colour; 2],
    pub(super) table: Colour,
    /// Row at which the table begins.
    pub(super) horizon: f64,
    pub(super) stripes: Stripes,
    pub(super) boxes: Vec<Clutter>,
}

/// A pattern on the wall.
pub(super) struct Stripes {
    pub(super) period: f64,
    /// Columns that they go to the right for each row.
    pub(super) slope: f64,
    /// How much brighter every other one is, as a share.
    pub(super) contrast: f64,
}

/// Something that stands behind the bottle.
pub(super) struct Clutter {
    pub(super) colour: Colour,
    /// First column and row, last column and row.
    pub(super) corners: [f64; 4],
}

/// What the camera does to it.
pub(super) struct Camera {
    /// Share of a pixel that comes from its eight neighbours.
    pub(super) blur: f64,
    /// Deviation of the noise.
    pub(super) noise: f64,
}

/// Water, lemonade, tea, juice, wine, cola, milk, soap.
const LIQUIDS: [Tint; 8] = [
    Tint { colour: [0.70, 0.82, 0.88], opacity: 0.60 },
    Tint { colour: [0.80, 0.85, 0.35], opacity: 0.70 },
    Tint { colour: [0.60, 0.33, 0.10], opacity: 0.75 },
    Tint { colour: [0.92, 0.52, 0.10], opacity: 0.85 },
    Tint { colour: [0.42, 0.05, 0.12], opacity: 0.85 },
    Tint { colour: [0.14, 0.07, 0.05], opacity: 0.90 },
    Tint { colour: [0.93, 0.91, 0.86], opacity: 0.90 },
    Tint { colour: [0.20, 0.52, 0.82], opacity: 0.75 },
];

/// Clear, green, brown, blue.
const GLASSES: [Tint; 4] = [
    Tint { colour: [0.88, 0.93, 0.92], opacity: 0.15 },
    Tint { colour: [0.18, 0.45, 0.22], opacity: 0.35 },
    Tint { colour: [0.42, 0.22, 0.07], opacity: 0.35 },
    Tint { colour: [0.22, 0.36, 0.66], opacity: 0.30 },
];

impl Scene {
    /// Draws a scene in which the bottle is filled up to one of these `shares`.
    pub(super) fn draw(shares: [f64; 2], random: &mut Random) -> Self {
        let [low, high] = shares;
        Self {
            level: random.between(low, high),
            bottle: Bottle::draw(random),
            liquid: tint(&LIQUIDS, random),
            glass: tint(&GLASSES, random),
            cap: random.chance(0.6).then(|| colour(random)),
            label: random.chance(0.3).then(|| Label::draw(random)),
            light: Light::draw(random),
            glare: (0..random.one_of(&[0, 1, 1, 2])).map(|_| Glare::draw(random)).collect(),
            background: Background::draw(random),
            camera: Camera { blur: random.between(0.0, 0.4), noise: random.between(0.01, 0.05) },
        }
    }
}

impl Bottle {
    fn draw(random: &mut Random) -> Self {
        let height = random.between(26.0, 30.0);
        let body = height * random.between(0.2, 0.3);
        let end_of_body = random.between(0.65, 0.75);
        Self {
            foot: [random.between(14.0, 18.0), MIDDLE + height / 2.0 + random.between(-1.0, 1.0)],
            height,
            tilt: random.between(-0.12, 0.12),
            body,
            neck: body * random.between(0.3, 0.6),
            belly: random.between(-0.2, 0.15),
            shoulder: [end_of_body, end_of_body + random.between(0.06, 0.14)],
            rounding: random.between(0.02, 0.12),
        }
    }
}

impl Label {
    fn draw(random: &mut Random) -> Self {
        let bottom = random.between(0.12, 0.3);
        Self {
            colours: [colour(random), colour(random)],
            bottom,
            top: bottom + random.between(0.12, 0.3),
            reach: random.between(0.35, 0.7),
        }
    }
}

impl Light {
    fn draw(random: &mut Random) -> Self {
        let (brightness, warmth) = (random.between(0.55, 1.15), random.between(-0.15, 0.15));
        Self {
            brightness: [1.0 + warmth, 1.0, 1.0 - warmth].map(|share| share * brightness),
            gradient: [random.between(-0.012, 0.012), random.between(-0.012, 0.012)],
            shade: random.between(0.1, 0.5),
        }
    }
}

impl Glare {
    fn draw(random: &mut Random) -> Self {
        Self {
            across: [random.between(-0.8, 0.8), random.between(0.08, 0.25)],
            along: [random.between(0.15, 0.7), random.between(0.1, 0.6)],
            strength: random.between(0.2, 0.8),
        }
    }
}

impl Background {
    fn draw(random: &mut Random) -> Self {
        let stripes = Stripes {
            period: random.between(3.0, 12.0),
            slope: random.between(-1.5, 1.5),
            contrast: if random.chance(0.5) { random.between(0.05, 0.25) } else { 0.0 },
        };
        Self {
            wall: [colour(random), colour(random)],
            table: colour(random),
            horizon: random.between(14.0, 32.0),
            stripes,
            boxes: (0..random.one_of(&[0, 0, 1, 2])).map(|_| Clutter::draw(random)).collect(),
        }
    }
}

impl Clutter {
    fn draw(random: &mut Random) -> Self {
        let (left, top) = (random.between(-4.0, 28.0), random.between(-4.0, 24.0));
        let (width, height) = (random.between(3.0, 12.0), random.between(3.0, 18.0));
        Self { colour: colour(random), corners: [left, top, left + width, top + height] }
    }
}

/// Any colour, seldom a garish one.
fn colour(random: &mut Random) -> Colour {
    let grey = random.between(0.1, 0.9);
    [(); 3].map(|()| (grey + random.between(-0.15, 0.15)).clamp(0.0, 1.0))
}

/// One of several, each time a little different.
fn tint(kinds: &[Tint], random: &mut Random) -> Tint {
    let Tint { colour, opacity } = random.one_of(kinds);
    Tint {
        colour: colour.map(|share| (share + random.between(-0.07, 0.07)).clamp(0.0, 1.0)),
        opacity: (opacity + random.between(-0.1, 0.08)).clamp(0.05, 0.98),
    }
}
