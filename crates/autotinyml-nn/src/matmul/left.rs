//! Left factors of products: matrices, and the windows of images.

/// The left factor, whose values are read one at a time, so that they may lie anywhere: element
/// (r, k) is at `row(r) + column(k)`.
///
/// # Safety
/// For all rows and columns of its size that place is at most `last`.
pub(crate) unsafe trait Left: Copy {
    /// Where the values lie.
    fn values(&self) -> &[f32];
    /// Rows and columns.
    fn size(&self) -> [usize; 2];
    /// Part of the place that depends on the row.
    fn row(&self, row: usize) -> usize;
    /// Part of the place that depends on the column.
    fn column(&self, column: usize) -> usize;
    /// The largest place of an element.
    fn last(&self) -> usize;
}

/// A matrix in a slice: element (r, c) is at `r · row_step + c · column_step`.
#[derive(Clone, Copy)]
pub(crate) struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    row_step: usize,
    column_step: usize,
}

impl<'a> Matrix<'a> {
    /// The first `rows · columns` values, row by row.
    pub(crate) fn new(values: &'a [f32], rows: usize, columns: usize) -> Self {
        Self { values: &values[..rows * columns], rows, columns, row_step: columns, column_step: 1 }
    }

    /// The same values with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self {
            values: self.values,
            rows: self.columns,
            columns: self.rows,
            row_step: self.column_step,
            column_step: self.row_step,
        }
    }

    /// Some of the rows.
    pub(crate) fn rows(self, first: usize, rows: usize) -> Self {
        assert!(first + rows <= self.rows);
        Self { values: &self.values[first * self.row_step..], rows, ..self }
    }
}

// SAFETY: both parts of the place grow with their index.
unsafe impl Left for Matrix<'_> {
    fn values(&self) -> &[f32] {
        self.values
    }

    fn size(&self) -> [usize; 2] {
        [self.rows, self.columns]
    }

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        row * self.row_step
    }

    #[inline(always)]
    fn column(&self, column: usize) -> usize {
        column * self.column_step
    }

    fn last(&self) -> usize {
        self.row(self.rows - 1) + self.column(self.columns - 1)
    }
}

/// Places in a slice, in ascending order.
pub(crate) struct Places(Vec<u32>);

impl Places {
    /// # Panics
    /// If they do not ascend.
    pub(crate) fn new(places: Vec<u32>) -> Self {
        assert!(places.is_sorted());
        Self(places)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

/// A matrix whose rows are windows of an image: element (r, k) is at `rows[r] + columns[k]`.
#[derive(Clone, Copy)]
pub(crate) struct Windows<'a> {
    values: &'a [f32],
    /// Ascending.
    rows: &'a [u32],
    /// Ascending.
    columns: &'a [u32],
}

impl<'a> Windows<'a> {
    /// Windows that begin at the first `rows` of `starts`, in an image or several; `columns` says where
    /// each value of a window lies, seen from its beginning.
    pub(crate) fn new(
        values: &'a [f32],
        starts: &'a Places,
        rows: usize,
        columns: &'a Places,
    ) -> Self {
        Self { values, rows: &starts.0[..rows], columns: &columns.0 }
    }

    /// The same values with rows and columns exchanged.
    pub(crate) fn transposed(self) -> Self {
        Self { values: self.values, rows: self.columns, columns: self.rows }
    }
}

// SAFETY: rows and columns ascend, see `Places`.
unsafe impl Left for Windows<'_> {
    fn values(&self) -> &[f32] {
        self.values
    }

    fn size(&self) -> [usize; 2] {
        [self.rows.len(), self.columns.len()]
    }

    #[inline(always)]
    fn row(&self, row: usize) -> usize {
        self.rows[row] as usize
    }

    #[inline(always)]
    fn column(&self, column: usize) -> usize {
        self.columns[column] as usize
    }

    fn last(&self) -> usize {
        self.row(self.rows.len() - 1) + self.column(self.columns.len() - 1)
    }
}
