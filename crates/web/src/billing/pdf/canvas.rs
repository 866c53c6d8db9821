//! Pages of text and lines. What is drawn is collected first, since every page says how many there are.

use std::sync::LazyLock;

use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::Metadata;
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::surface::Surface;
use krilla::text::{Font, TextDirection};
use krilla::{Data, Document};
use ttf_parser::Face;

use crate::assets;

/// A4 in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
/// Where text begins and ends.
pub(super) const LEFT: f32 = 56.0;
pub(super) const RIGHT: f32 = WIDTH - 56.0;
const TOP: f32 = 70.0;
const BOTTOM: f32 = HEIGHT - 80.0;
const FOOT: f32 = HEIGHT - 44.0;
/// Between lines of running text.
const LEADING: f32 = 13.5;

/// Red, green and blue.
type Rgb = [u8; 3];
const INK: Rgb = [24, 28, 34];
const GREY: Rgb = [100, 108, 118];
const HAIR: Rgb = [214, 218, 224];

/// The PDF could not be written.
#[derive(Debug, thiserror::Error)]
#[error("a PDF could not be made: {0}")]
pub(crate) struct Failed(String);

/// A font for drawing and for measuring.
struct Typeface {
    font: Font,
    face: Face<'static>,
}

impl Typeface {
    fn load(name: &str) -> Option<Self> {
        let data: &'static [u8] = Box::leak(assets::font(name)?.into_boxed_slice());
        Some(Self { font: Font::new(Data::from(data), 0)?, face: Face::parse(data, 0).ok()? })
    }

    /// How wide a text is.
    fn width(&self, size: f32, text: &str) -> f32 {
        let units: u32 = text
            .chars()
            .map(|c| {
                let glyph = self.face.glyph_index(c).unwrap_or_default();
                u32::from(self.face.glyph_hor_advance(glyph).unwrap_or_default())
            })
            .sum();
        units as f32 * size / f32::from(self.face.units_per_em())
    }
}

/// Regular and semibold, read once: they live as long as the program.
static FACES: LazyLock<Option<[Typeface; 2]>> =
    LazyLock::new(|| Some([Typeface::load("inter-regular.ttf")?, Typeface::load("inter-semibold.ttf")?]));

/// Size, weight and colour of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
    size: f32,
    strong: bool,
    soft: bool,
}

impl Style {
    pub(super) const BRAND: Self = Self { size: 15.0, strong: true, soft: false };
    pub(super) const TITLE: Self = Self { size: 15.0, strong: true, soft: false };
    pub(super) const STRONG: Self = Self { size: 10.0, strong: true, soft: false };
    pub(super) const BODY: Self = Self { size: 9.5, strong: false, soft: false };
    pub(super) const SOFT: Self = Self { size: 9.0, strong: false, soft: true };
    pub(super) const LABEL: Self = Self { size: 8.0, strong: true, soft: true };
}

enum Mark {
    Text { x: f32, y: f32, style: Style, text: String },
    Line { y: f32 },
}

/// Pages under construction, and the pen's height on the last.
pub(super) struct Canvas {
    faces: &'static [Typeface; 2],
    title: String,
    brand: String,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

impl Canvas {
    pub(super) fn new(title: String, brand: &str) -> Result<Self, Failed> {
        let faces = FACES.as_ref().ok_or_else(|| Failed("the fonts cannot be read".to_owned()))?;
        Ok(Self { faces, title, brand: brand.to_owned(), pages: vec![Vec::new()], y: TOP })
    }

    pub(super) fn y(&self) -> f32 {
        self.y
    }

    pub(super) fn move_to(&mut self, y: f32) {
        self.y = y;
    }

    pub(super) fn down(&mut self, by: f32) {
        self.y += by;
    }

    pub(super) fn up(&mut self, by: f32) {
        self.y -= by;
    }

    /// Sees to it that so much fits on the page; a new one begins with `head`.
    pub(super) fn row(&mut self, height: f32, head: impl FnOnce(&mut Self)) {
        if self.y + height > BOTTOM {
            self.pages.push(Vec::new());
            self.y = TOP;
            head(self);
        }
    }

    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn face(&self, style: Style) -> &'static Typeface {
        let [regular, strong] = self.faces;
        if style.strong { strong } else { regular }
    }

    fn width(&self, style: Style, text: &str) -> f32 {
        self.face(style).width(style.size, text)
    }

    pub(super) fn text(&mut self, x: f32, style: Style, text: &str) {
        let (y, text) = (self.y, text.to_owned());
        self.mark(Mark::Text { x, y, style, text });
    }

    /// Text that ends at `x`.
    pub(super) fn text_right(&mut self, x: f32, style: Style, text: &str) {
        self.text(x - self.width(style, text), style, text);
    }

    /// Text of at most this width: what is too long ends in an ellipsis.
    pub(super) fn fitted(&mut self, x: f32, width: f32, style: Style, text: &str) {
        if self.width(style, text) <= width {
            return self.text(x, style, text);
        }
        let mut short = text.to_owned();
        while short.pop().is_some() {
            let ended = format!("{}…", short.trim_end());
            if self.width(style, &ended) <= width {
                return self.text(x, style, &ended);
            }
        }
    }

    /// Text over as many lines as it needs; the pen ends on the last.
    pub(super) fn wrapped(&mut self, x: f32, width: f32, style: Style, text: &str) {
        let mut line = String::new();
        for word in text.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if self.width(style, &longer) <= width || line.is_empty() {
                line = longer;
            } else {
                self.text(x, style, &line);
                self.down(LEADING);
                word.clone_into(&mut line);
            }
        }
        self.fitted(x, width, style, &line);
    }

    /// A hairline over the whole width.
    pub(super) fn line(&mut self) {
        let y = self.y;
        self.mark(Mark::Line { y });
    }

    /// The PDF.
    pub(super) fn finish(mut self) -> Result<Vec<u8>, Failed> {
        let mut document = Document::new();
        let metadata = Metadata::new().title(self.title.clone()).creator(self.brand.clone());
        document.set_metadata(metadata.language("en".to_owned()));
        let pages = std::mem::take(&mut self.pages);
        let count = pages.len();
        for (number, marks) in (1..).zip(pages) {
            let settings =
                PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| Failed("page size".to_owned()))?;
            let mut page = document.start_page_with(settings);
            let mut surface = page.surface();
            for mark in &marks {
                self.draw(&mut surface, mark);
            }
            let place = format!("Page {number} of {count}");
            let x = RIGHT - self.width(Style::SOFT, &place);
            let foot = |x, text: String| Mark::Text { x, y: FOOT, style: Style::SOFT, text };
            self.draw(&mut surface, &foot(LEFT, format!("{}  ·  {}", self.brand, self.title)));
            self.draw(&mut surface, &foot(x, place));
            surface.finish();
            page.finish();
        }
        document.finish().map_err(|error| Failed(format!("{error:?}")))
    }

    fn draw(&self, surface: &mut Surface<'_>, mark: &Mark) {
        match mark {
            Mark::Text { x, y, style, text } => {
                surface.set_stroke(None);
                surface.set_fill(Some(fill(if style.soft { GREY } else { INK })));
                let font = self.face(*style).font.clone();
                surface.draw_text(Point::from_xy(*x, *y), font, style.size, text, false, TextDirection::Auto);
            }
            Mark::Line { y } => {
                let mut path = PathBuilder::new();
                path.move_to(LEFT, *y);
                path.line_to(RIGHT, *y);
                if let Some(path) = path.finish() {
                    surface.set_fill(None);
                    surface.set_stroke(Some(Stroke {
                        paint: color(HAIR).into(),
                        width: 0.75,
                        ..Stroke::default()
                    }));
                    surface.draw_path(&path);
                }
            }
        }
    }
}

fn color([red, green, blue]: Rgb) -> rgb::Color {
    rgb::Color::new(red, green, blue)
}

fn fill(of: Rgb) -> Fill {
    Fill { paint: color(of).into(), opacity: NormalizedF32::ONE, ..Fill::default() }
}
