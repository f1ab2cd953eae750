//! Which clips the prompts folder has, and which damaged files are problems: those that a flow names.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

use media::{Fault, Loaded, Prompts, Remark};
use text::{Problem, Problems, text};

use super::Sources;

/// The clips, and what is wrong with their files.
pub(super) struct Clips {
    pub(super) prompts: Prompts,
    faults: Vec<Fault>,
    remarks: Vec<Remark>,
    /// The clips that flows asked for.
    asked: RefCell<BTreeSet<String>>,
}

impl Clips {
    pub(super) fn load(sources: Sources<'_>) -> Clips {
        let Loaded { prompts, faults, remarks } = Prompts::load(sources.prompts, sources.clips);
        Clips { prompts, faults, remarks, asked: RefCell::default() }
    }

    /// True when there is a file for a clip of that name, even a damaged one, whose damage is reported by itself.
    pub(super) fn has(&self, clip: &str) -> bool {
        self.asked.borrow_mut().insert(clip.to_owned());
        let is_excused = |fault: &Fault| fault.clip.as_deref().is_none_or(|name| name == clip);
        self.prompts.contains(clip) || self.faults.iter().any(is_excused)
    }

    /// Adds a problem for each damaged clip that a flow names. Returns the remarks: damaged clips that no flow names,
    /// and clips shorter than their file's header says.
    pub(super) fn judge(&self, problems: &Problems) -> Vec<Problem> {
        let mut warnings: Vec<Problem> = self.remarks.iter().map(of_remark).collect();
        for fault in &self.faults {
            let is_needed = fault.clip.as_ref().is_none_or(|clip| self.asked.borrow().contains(clip));
            let problem = of_fault(fault);
            if is_needed {
                problems.add(&problem.file, problem.line, problem.message, problem.hint);
            } else {
                warnings.push(problem);
            }
        }
        warnings
    }
}

fn name(path: &Path) -> Rc<str> {
    Rc::from(path.display().to_string())
}

fn of_fault(fault: &Fault) -> Problem {
    let error = &fault.error;
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}")).unwrap_or_default();
    let hint = match error.conversion() {
        Some(command) => text!("convert it: {command}", "请转换格式：{command}"),
        None => text!("replace or remove that file", "请替换或删除该文件"),
    };
    let message = text!("{error}{cause}", "语音文件有问题：{error}{cause}");
    Problem { file: name(error.path()), line: 0, message, hint }
}

fn of_remark(Remark { path, is_short, skipped }: &Remark) -> Problem {
    let message = match (is_short, skipped) {
        (true, _) => {
            text!("ends before its header says so; what is there is used", "文件不完整，已使用可用部分")
        }
        (false, skipped) => {
            text!("{skipped} pieces of it cannot be decoded", "有 {skipped} 段无法解码，已跳过")
        }
    };
    let hint = text!("make the file again if something is missing", "如有缺失请重新生成该文件");
    Problem { file: name(path), line: 0, message, hint }
}
