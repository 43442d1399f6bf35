//! `[space]`: the hyperparameters and what each may be. Also `$name == value` conditions, and values
//! elsewhere in the file that a hyperparameter decides.

use std::cell::RefCell;

use autotinyml_search::{Condition, Domain, Parameter, Setting, Space};

use super::section::{Entry, InputError, Section, nearest};
use crate::task::{Meaning, Slot, Switch, When};

/// The space of a study file, and which of its parameters the file has used so far.
pub struct Parameters<'a> {
    declared: Vec<(Parameter, Entry<'a>)>,
    /// While `[space]` is read: the hyperparameter of this line, then those of the lines below.
    undeclared: Vec<&'a str>,
    /// Who was used, and under which conditions.
    uses: RefCell<Vec<(String, Vec<When>)>>,
    /// All of these hold where what is being read matters.
    given: RefCell<Vec<When>>,
}

impl<'a> Parameters<'a> {
    /// Reads `[space]`; a file without one has no parameters.
    pub fn read(space: Option<Section<'a>>) -> Result<Self, InputError> {
        let mut parameters = Self {
            declared: vec![],
            undeclared: space.iter().flat_map(Section::entries).map(|(name, _)| name).collect(),
            uses: RefCell::default(),
            given: RefCell::default(),
        };
        for (name, entry) in space.iter().flat_map(Section::entries) {
            let parameter = parameters.parameter(name, &entry)?;
            parameters.undeclared.remove(0);
            parameters.declared.push((parameter, entry));
        }
        Ok(parameters)
    }

    fn parameter(&self, name: &str, entry: &Entry<'a>) -> Result<Parameter, InputError> {
        let (domain, when) = if entry.list().is_some() {
            (list(entry)?, None)
        } else if let Ok(table) = entry.section() {
            let when = table.optional("when");
            let domain = match table.optional("values") {
                Some(values) => list(&values)?,
                None => range(&table)?,
            };
            table.finish()?;
            (domain, when.map(|when| self.condition(&when)).transpose()?)
        } else {
            return Err(entry.unexpected(
                "a list of values or a range",
                format!("{name} = [8, 16, 32], or {{ low = 1e-4, high = 1e-1, log = true }}"),
            ));
        };
        let when = when.map(|when| Condition {
            parameter: when.parameter,
            is: when.is,
            negated: when.negated,
        });
        Ok(Parameter { name: name.to_string(), domain, when })
    }

    fn named(&self, name: &str, entry: &Entry<'_>) -> Result<&Parameter, InputError> {
        self.uses.borrow_mut().push((name.to_string(), self.given.borrow().clone()));
        if let Some(line) = self.undeclared.iter().position(|undeclared| *undeclared == name) {
            return Err(self.too_early(name, line == 0, entry));
        }
        let names = || self.declared.iter().map(|(parameter, _)| parameter.name.as_str());
        let found = self.declared.iter().find(|(parameter, _)| parameter.name == name);
        found.map(|(parameter, _)| parameter).ok_or_else(|| {
            let cure = match nearest(name, names()) {
                Some(nearest) => format!("did you mean `${nearest}`?"),
                None => format!("add to [space] for example: {name} = [1, 2]"),
            };
            entry.complain(
                format!("`{}` uses `${name}`, which is not in [space]", entry.path),
                "no such hyperparameter",
                cure,
            )
        })
    }

    /// A `when` of `[space]` on a hyperparameter of its own line or of one below.
    fn too_early(&self, name: &str, is_itself: bool, entry: &Entry<'_>) -> InputError {
        let (message, label, cure) = match is_itself {
            true => (
                format!("`{name}` cannot depend on itself"),
                "on itself",
                "name a hyperparameter of an earlier line, or leave `when` out".to_string(),
            ),
            false => (
                format!("`{}` depends on `${name}`, which stands further down", entry.path),
                "not known yet",
                format!("move this line below that of `{name}`"),
            ),
        };
        entry.complain(message, label, cure)
    }

    /// A value that may be left out.
    pub fn or<T: Meaning>(
        &self,
        section: &Section<'_>,
        key: &str,
        default: T,
    ) -> Result<Slot<T>, InputError> {
        let entry = section.optional(key);
        entry.map_or(Ok(Slot::Fixed(default)), |entry| self.slot(&entry))
    }

    /// `true`, `false` or `"$name"` in its place.
    pub fn switch(&self, entry: &Entry<'_>) -> Result<Slot<Switch>, InputError> {
        entry.truth().map_or_else(|_| self.slot(entry), |truth| Ok(Slot::Fixed(Switch(truth))))
    }

    /// A value in its place: written out, or `"$name"`. Every setting of the named hyperparameter
    /// has to mean a `T`.
    pub fn slot<T: Meaning>(&self, entry: &Entry<'_>) -> Result<Slot<T>, InputError> {
        let Some(name) = entry.parameter() else {
            return entry
                .setting()
                .and_then(|setting| T::of(&setting))
                .map(Slot::Fixed)
                .ok_or_else(|| {
                    entry.unexpected(T::EXPECTED, "or \"$name\" for a hyperparameter of [space]")
                });
        };
        let parameter = self.named(name, entry)?;
        self.always_there(parameter, entry)?;
        match settings(&parameter.domain).iter().find(|setting| T::of(setting).is_none()) {
            None => Ok(Slot::Parameter(name.to_string())),
            Some(setting) => Err(entry.complain(
                format!("`{}` expects {}, but `${name}` can be {setting}", entry.path, T::EXPECTED),
                "expects something else",
                match parameter.domain {
                    Domain::Range { .. } => {
                        format!(
                            "give `{name}` in [space] other bounds, or a step of 1 if it is whole"
                        )
                    }
                    _ => format!(
                        "take {setting} out of `{name}` in [space], or use another hyperparameter"
                    ),
                },
            )),
        }
    }

    /// Reads what matters only where this condition holds, too (None: no further condition).
    pub fn given<T>(&self, when: Option<&When>, read: impl FnOnce() -> T) -> T {
        self.given.borrow_mut().extend(when.cloned());
        let result = read();
        if when.is_some() {
            self.given.borrow_mut().pop();
        }
        result
    }

    /// The largest number that a hyperparameter can be; 0 if it is never one.
    pub fn largest(&self, name: &str) -> f64 {
        let found = self.declared.iter().find(|(parameter, _)| parameter.name == name);
        let settings = found.map_or(vec![], |(parameter, _)| settings(&parameter.domain));
        let numbers = settings.iter().filter_map(|setting| match setting {
            Setting::Number(number) => Some(*number),
            Setting::Text(_) => None,
        });
        numbers.fold(0.0, f64::max)
    }

    /// `$name == setting`; None if the hyperparameter is never that.
    pub fn equals(&self, name: &str, setting: Setting) -> Option<When> {
        let found = self.declared.iter().find(|(parameter, _)| parameter.name == name);
        let possible = settings(&found?.0.domain).contains(&setting);
        possible.then(|| When { parameter: name.to_string(), is: vec![setting], negated: false })
    }

    /// Whether a text can stand in a place, and if so the condition that it does (None: it always does).
    pub fn can_be(&self, entry: &Entry<'_>, text: &str) -> Option<Option<When>> {
        match entry.parameter() {
            None => entry.text().is_ok_and(|word| word == text).then_some(None),
            Some(name) => self.equals(name, Setting::Text(text.to_string())).map(Some),
        }
    }

    /// A hyperparameter with a condition may only be used where that holds for sure.
    fn always_there(&self, parameter: &Parameter, entry: &Entry<'_>) -> Result<(), InputError> {
        let Some(condition) = &parameter.when else { return Ok(()) };
        if self.given.borrow().iter().any(|when| self.implies(when, &parameter.name, condition)) {
            return Ok(());
        }
        let name = &parameter.name;
        let operator = if condition.negated { "not in" } else { "in" };
        Err(entry.complain(
            format!("`{}` uses `${name}`, which is not there in every configuration", entry.path),
            "needs it always",
            format!(
                "`{name}` is there only for `${}` {operator} [{}]: give the layer such a `when`, too",
                condition.parameter,
                in_print(&condition.is)
            ),
        ))
    }

    /// Whether this hyperparameter is there for sure where `when` holds.
    fn implies(&self, when: &When, name: &str, condition: &Condition) -> bool {
        if when.parameter == name {
            return true;
        }
        let found = self.declared.iter().find(|(other, _)| other.name == when.parameter);
        let Some((decisive, _)) = found.filter(|_| when.parameter == condition.parameter) else {
            return false;
        };
        settings(&decisive.domain)
            .iter()
            .filter(|setting| when.allows(setting))
            .all(|setting| condition.is.contains(setting) != condition.negated)
    }

    /// `"$name == value"`, `"$name != value"` or `"$name in [a, b]"`.
    pub fn condition(&self, entry: &Entry<'_>) -> Result<When, InputError> {
        let wrong = || {
            entry.unexpected(
                "a condition",
                "write \"$name == value\", \"$name != value\" or \"$name in [a, b]\"",
            )
        };
        let text = entry.text()?;
        let mut words = text.trim().splitn(3, ' ');
        let (Some(name), Some(operator), Some(values)) = (words.next(), words.next(), words.next())
        else {
            return Err(wrong());
        };
        let name = name.strip_prefix('$').ok_or_else(wrong)?;
        let values = match (operator, values.trim()) {
            ("==" | "!=", value) => vec![value],
            ("in", list) => {
                let list = list.strip_prefix('[').and_then(|list| list.strip_suffix(']'));
                list.ok_or_else(wrong)?.split(',').map(str::trim).collect()
            }
            _ => return Err(wrong()),
        };
        let parameter = self.named(name, entry)?;
        let possible = settings(&parameter.domain);
        let is: Vec<Setting> = values.into_iter().map(setting).collect();
        if let (false, Some(never)) = (
            matches!(parameter.domain, Domain::Range { .. }),
            is.iter().find(|setting| !possible.contains(setting)),
        ) {
            return Err(entry.complain(
                format!("`{}` compares `${name}` with {never}, which it can never be", entry.path),
                "never true",
                format!("`{name}` can be {}", in_print(&possible)),
            ));
        }
        Ok(When { parameter: name.to_string(), is, negated: operator == "!=" })
    }

    /// When a hyperparameter matters that says nothing of it: where one of its uses does. `None`:
    /// always, or where no condition on a single hyperparameter of an earlier line can say it.
    fn implied(&self, index: usize) -> Option<Condition> {
        let name = &self.declared[index].0.name;
        let uses = self.uses.borrow();
        let uses: Vec<&[When]> =
            uses.iter().filter(|(used, _)| used == name).map(|(_, given)| &given[..]).collect();
        self.declared[..index].iter().find_map(|(earlier, _)| {
            let on_it = |when: &&When| when.parameter == earlier.name;
            let possible = settings(&earlier.domain);
            if !are_all(&earlier.domain, &possible)
                || !uses.iter().all(|given| given.iter().any(|when| on_it(&when)))
            {
                return None;
            }
            let holds = |setting: &Setting| {
                let all = |given: &&[When]| given.iter().filter(on_it).all(|w| w.allows(setting));
                uses.iter().any(all)
            };
            let is: Vec<Setting> = possible.iter().filter(|s| holds(s)).cloned().collect();
            let matters_sometimes = !is.is_empty() && is.len() < possible.len();
            matters_sometimes.then(|| Condition {
                parameter: earlier.name.clone(),
                is,
                negated: false,
            })
        })
    }

    /// The space, once the whole file was read: every parameter must have been used.
    pub fn finish(mut self) -> Result<Space, InputError> {
        let uses = self.uses.borrow();
        let is_used = |parameter: &Parameter| uses.iter().any(|(name, _)| *name == parameter.name);
        if let Some((parameter, entry)) =
            self.declared.iter().find(|(parameter, _)| !is_used(parameter))
        {
            let name = &parameter.name;
            return Err(entry.complain(
                format!("`{name}` is searched, but nothing uses it"),
                "never used",
                format!("write \"${name}\" where it belongs, or delete this line"),
            ));
        }
        drop(uses);
        for index in 0..self.declared.len() {
            if self.declared[index].0.when.is_none() {
                self.declared[index].0.when = self.implied(index);
            }
        }
        let (parameters, entries): (Vec<Parameter>, Vec<Entry<'_>>) =
            self.declared.into_iter().unzip();
        Space::new(parameters).map_err(|error| {
            let first = entries.first().expect("a space without parameters is always valid");
            first.complain(
                format!("[space] makes no sense: {error}"),
                "in this section",
                "see the study files in examples/",
            )
        })
    }
}

fn list(entry: &Entry<'_>) -> Result<Domain, InputError> {
    let cure = "numbers are ordered, texts are not: [8, 16, 32], or [\"relu\", \"tanh\"]";
    let elements = entry.list().unwrap_or_default();
    let Some(first) = elements.first() else {
        return Err(entry.complain(format!("`{}` is empty", entry.path), "no value", cure));
    };
    let (mut numbers, mut texts) = (vec![], vec![]);
    for element in &elements {
        let repeated = match element.setting() {
            Some(Setting::Number(number)) if texts.is_empty() => {
                numbers.push(number);
                numbers[..numbers.len() - 1].contains(&number)
            }
            Some(Setting::Text(text)) if numbers.is_empty() => {
                texts.push(text);
                texts[..texts.len() - 1].contains(&texts[texts.len() - 1])
            }
            _ => {
                let kind = match first.setting() {
                    Some(Setting::Number(_)) => "a number like the first",
                    Some(Setting::Text(_)) => "a text like the first",
                    None => "a number or a text",
                };
                return Err(element.unexpected(kind, cure));
            }
        };
        if repeated {
            return Err(element.unexpected("each value once", "delete the second one"));
        }
    }
    Ok(if texts.is_empty() { Domain::Ordered(numbers) } else { Domain::Unordered(texts) })
}

fn range(table: &Section<'_>) -> Result<Domain, InputError> {
    let example = "{ low = 1e-4, high = 1e-1, log = true }";
    let low = table.required("low", example)?.number()?;
    let high_entry = table.required("high", example)?;
    let high = high_entry.number()?;
    if high <= low {
        return Err(high_entry.unexpected(format!("more than low = {low}"), "swap the two"));
    }
    let step = table.optional("step").map(|step| {
        step.number().and_then(|number| {
            let cure = "leave it out for a continuous range";
            if number > 0.0 { Ok(number) } else { Err(step.unexpected("more than 0", cure)) }
        })
    });
    let log = match table.optional("log") {
        None => false,
        Some(entry) => entry.truth()?,
    };
    if log && low <= 0.0 {
        return Err(high_entry.complain(
            format!("a range on a logarithmic scale cannot start at {low}"),
            "of this range",
            "low must be more than 0, or leave log out",
        ));
    }
    Ok(Domain::Range { low, high, step: step.transpose()?, log })
}

/// The settings to try a place with: all of a finite domain, samples of a range.
fn settings(domain: &Domain) -> Vec<Setting> {
    match domain {
        Domain::Ordered(numbers) => numbers.iter().copied().map(Setting::Number).collect(),
        Domain::Unordered(texts) => texts.iter().cloned().map(Setting::Text).collect(),
        Domain::Range { low, high, step: Some(step), .. } => {
            let count = ((high - low) / step + 1e-9) as usize;
            (0..=count.min(1000)).map(|i| Setting::Number(low + i as f64 * step)).collect()
        }
        // An irrational share of the way tells whole numbers from all numbers.
        Domain::Range { low, high, .. } => [0.0, 0.577_215_664_9, 1.0]
            .map(|share| Setting::Number(low + share * (high - low)))
            .to_vec(),
    }
}

/// Whether those are all settings, to the bit.
fn are_all(domain: &Domain, settings: &[Setting]) -> bool {
    let whole = |setting: &Setting| matches!(setting, Setting::Number(n) if n.fract() == 0.0);
    match domain {
        Domain::Range { step, .. } => {
            step.is_some() && settings.len() <= 1000 && settings.iter().all(whole)
        }
        Domain::Ordered(_) | Domain::Unordered(_) => true,
    }
}

fn setting(word: &str) -> Setting {
    let word = word.trim_matches(|c| c == '"' || c == '\'');
    word.parse().map_or_else(|_| Setting::Text(word.to_string()), Setting::Number)
}

fn in_print(settings: &[Setting]) -> String {
    settings.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
