//! The tray host of the private desktop: Xfce's panel with its status tray, and what a person's hand does with an icon in it.

use std::fs;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::Desktop;
use crate::wait;

const WATCHER: &str = "org.kde.StatusNotifierWatcher";
const SERVICE: &str = "tray";
// Debian's own interpreter, whatever else is called python3 here: the package belongs to it.
const PYTHON: &str = "/usr/bin/python3";

/// The tray host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Tray {
    /// Xfce's panel along the lower edge, with nothing but its tray, at the right.
    Panel,
    /// Nothing on the bus.
    None,
}

/// The icon in the tray, as its program describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrayItem {
    /// Its id: the program's name.
    pub id: String,
    /// Its title.
    pub title: String,
    /// `Active`, `Passive` or `NeedsAttention`.
    pub status: String,
    /// Title and text of its tooltip.
    pub tooltip: (String, String),
    /// Width and the SHA-256 of the pixels, for each size.
    pub pictures: Vec<(u64, String)>,
    /// Its menu, as it is to be read: without the marks of access keys.
    pub menu: Vec<MenuLine>,
}

/// A line of the menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MenuLine {
    /// What a click on it names.
    pub id: i64,
    /// Its text; empty for a separator.
    pub label: String,
    /// Whether it can be clicked.
    pub enabled: bool,
    /// What opens beside it.
    pub below: Vec<MenuLine>,
}

impl TrayItem {
    /// The line of this text, wherever it is in the menu.
    pub fn line(&self, label: &str) -> Option<&MenuLine> {
        self.lines().into_iter().find(|line| line.label == label)
    }

    /// The texts of all lines, from the top.
    pub fn labels(&self) -> Vec<&str> {
        self.lines().into_iter().map(|line| line.label.as_str()).collect()
    }

    fn lines(&self) -> Vec<&MenuLine> {
        fn gather<'a>(lines: &'a [MenuLine], into: &mut Vec<&'a MenuLine>) {
            for line in lines {
                into.push(line);
                gather(&line.below, into);
            }
        }
        let mut lines = Vec::new();
        gather(&self.menu, &mut lines);
        lines
    }

    fn from_json(said: &Value) -> Result<Self> {
        let text =
            |key: &str| said[key].as_str().map(str::to_owned).with_context(|| format!("no {key} in {said}"));
        let pictures = said["pictures"].as_array().into_iter().flatten();
        Ok(Self {
            id: text("id")?,
            title: text("title")?,
            status: text("status")?,
            tooltip: (text("tooltip_title")?, text("tooltip_text")?),
            pictures: pictures
                .filter_map(|picture| Some((picture[0].as_u64()?, picture[1].as_str()?.to_owned())))
                .collect(),
            menu: lines(&said["menu"]),
        })
    }
}

fn lines(menu: &Value) -> Vec<MenuLine> {
    let line = |line: &Value| MenuLine {
        id: line["id"].as_i64().unwrap_or_default(),
        label: without_access_keys(line["label"].as_str().unwrap_or_default()),
        enabled: line["enabled"].as_bool().unwrap_or(true),
        below: lines(&line["below"]),
    };
    menu.as_array().into_iter().flatten().map(line).collect()
}

/// As com.canonical.dbusmenu has it: two underscores are one, a single one is not seen.
fn without_access_keys(label: &str) -> String {
    label.split("__").map(|part| part.replace('_', "")).collect::<Vec<_>>().join("_")
}

impl Desktop {
    /// Starts the tray host and waits until it has its name on the bus.
    pub fn tray_start(&mut self, tray: Tray) -> Result<()> {
        if tray == Tray::None {
            return Ok(());
        }
        let (width, height) = self.screen_size()?;
        let folder = self.path("home/.config/xfce4/xfconf/xfce-perchannel-xml");
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("xfce4-panel.xml"), panel(width / 2, height - PANEL / 2))?;
        let mut command = self.command("xfce4-panel");
        command.args(["--disable-wm-check", "--sm-client-disable"]);
        self.crew.start(SERVICE, &mut command)?;
        self.wait_until_owned(SERVICE, WATCHER)
    }

    /// Ends the tray host, if one runs, and waits until its name is free.
    pub fn tray_stop(&mut self) -> Result<()> {
        self.crew.stop(SERVICE)?;
        self.wait_until_free(WATCHER)
    }

    /// The first icon in the tray, if there is one.
    pub fn tray_item(&self) -> Result<Option<TrayItem>> {
        let said = self.tray_script(&["read"])?;
        if said.is_null() { Ok(None) } else { TrayItem::from_json(&said).map(Some) }
    }

    /// Waits until the tray has an icon of which this is true.
    pub fn wait_for_tray_item(&self, what: &str, is_it: impl Fn(&TrayItem) -> bool) -> Result<TrayItem> {
        let mut last = None;
        let found = wait::until(&format!("a tray icon: {what}"), wait::LIMIT, || {
            last = self.tray_item()?;
            Ok(last.clone().filter(|item| is_it(item)))
        });
        found.with_context(|| format!("the last was {last:#?}"))
    }

    /// Clicks the line of this text in the icon's menu, as the host does it.
    pub fn tray_click(&self, label: &str) -> Result<()> {
        let item = self.wait_for_tray_item(label, |item| item.line(label).is_some())?;
        let Some(line) = item.line(label).filter(|line| line.enabled) else {
            bail!("“{label}” cannot be clicked");
        };
        self.tray_script(&["click", &line.id.to_string()]).map(drop)
    }

    /// What a host of Wayland does at a left click: gives its permission to come to the front, then activates.
    pub fn tray_activate(&self, token: &str) -> Result<()> {
        self.tray_script(&["activate", token]).map(drop)
    }

    /// A click with the pointer where the panel draws its only icon: 1 is the left button, 3 the right one.
    pub fn tray_hit(&self, button: u8) -> Result<()> {
        let (width, height) = self.screen_size()?;
        let (x, y) = (width - PANEL / 2, height - PANEL / 2);
        let mut hand = self.command("xdotool");
        hand.args(["mousemove", &x.to_string(), &y.to_string(), "click", &button.to_string()]);
        self.answer(&mut hand).map(drop)
    }

    fn tray_script(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.answer(self.command(PYTHON).args(["-c", SCRIPT]).args(arguments))?;
        serde_json::from_str(&said).with_context(|| format!("the tray said {said:?}"))
    }

    fn screen_size(&self) -> Result<(i32, i32)> {
        let mut sides = self.screen.split('x').map(str::parse);
        match (sides.next(), sides.next()) {
            (Some(Ok(width)), Some(Ok(height))) => Ok((width, height)),
            _ => bail!("the screen {} has no size", self.screen),
        }
    }
}

/// The panel's height.
const PANEL: i32 = 32;

/// The settings of a panel with a tray at its right end.
fn panel(x: i32, y: i32) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<channel name="xfce4-panel" version="1.0">
  <property name="configver" type="int" value="2"/>
  <property name="panels" type="array">
    <value type="int" value="1"/>
    <property name="panel-1" type="empty">
      <property name="position" type="string" value="p=8;x={x};y={y}"/>
      <property name="position-locked" type="bool" value="true"/>
      <property name="length" type="uint" value="100"/>
      <property name="size" type="uint" value="{PANEL}"/>
      <property name="plugin-ids" type="array">
        <value type="int" value="1"/>
        <value type="int" value="2"/>
      </property>
    </property>
  </property>
  <property name="plugins" type="empty">
    <property name="plugin-1" type="string" value="separator">
      <property name="expand" type="bool" value="true"/>
      <property name="style" type="uint" value="0"/>
    </property>
    <property name="plugin-2" type="string" value="systray"/>
  </property>
</channel>
"#
    )
}

/// Asks the first registered icon over the bus and prints JSON. An icon that goes meanwhile is as good as none.
const SCRIPT: &str = r#"
import dbus, hashlib, json, sys
bus = dbus.SessionBus()
PROPERTIES, ITEM, MENU = 'org.freedesktop.DBus.Properties', 'org.kde.StatusNotifierItem', 'com.canonical.dbusmenu'

def lines(children):
    for id, about, below in children:
        yield {'id': int(id), 'label': str(about.get('label', '')), 'enabled': bool(about.get('enabled', True)), 'below': list(lines(below))}

def first():
    watcher = bus.get_object('org.kde.StatusNotifierWatcher', '/StatusNotifierWatcher')
    items = watcher.Get('org.kde.StatusNotifierWatcher', 'RegisteredStatusNotifierItems', dbus_interface=PROPERTIES)
    if not items:
        return None
    name, slash, path = str(items[0]).partition('/')
    return name, slash + path

def main(wish, *rest):
    found = first()
    if found is None:
        return None
    name, path = found
    item = bus.get_object(name, path)
    about = item.GetAll(ITEM, dbus_interface=PROPERTIES)
    menu = bus.get_object(name, about['Menu'])
    if wish == 'click':
        menu.Event(dbus.Int32(rest[0]), 'clicked', dbus.Int32(0), dbus.UInt32(0), dbus_interface=MENU)
    elif wish == 'activate':
        item.ProvideXdgActivationToken(rest[0], dbus_interface=ITEM)
        item.Activate(dbus.Int32(0), dbus.Int32(0), dbus_interface=ITEM)
    else:
        tooltip = about['ToolTip']
        _, layout = menu.GetLayout(dbus.Int32(0), dbus.Int32(-1), dbus.Array([], signature='s'), dbus_interface=MENU)
        return {
            'id': str(about['Id']), 'title': str(about['Title']), 'status': str(about['Status']),
            'tooltip_title': str(tooltip[2]), 'tooltip_text': str(tooltip[3]),
            'pictures': [[int(width), hashlib.sha256(bytes(pixels)).hexdigest()] for width, _, pixels in about['IconPixmap']],
            'menu': list(lines(layout[2])),
        }

try:
    print(json.dumps(main(*sys.argv[1:])))
except dbus.DBusException as error:
    gone = 'ServiceUnknown', 'NameHasNoOwner', 'NoReply', 'UnknownObject'
    if sys.argv[1] != 'read' or not error.get_dbus_name().endswith(gone):
        raise
    print('null')
"#;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_keys_are_not_seen() {
        for (label, seen) in [("_Quit", "Quit"), ("a__b", "a_b"), ("a____b", "a__b"), ("plain", "plain")] {
            assert_eq!(without_access_keys(label), seen);
        }
    }
}
